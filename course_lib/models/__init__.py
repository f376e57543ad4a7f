"""What happens: models in numpy, without widgets, files or plots.

Read them in this order: ``binding``, ``pharmacokinetics``, ``ode``,
``checkpoint_inhibitors``. Every default value comes from ``course_lib.evidence``.
"""
