"""What happens: models in numpy, without widgets, files or plots.

Read these first. What a drug does: ``parameters``, ``binding``, ``pharmacokinetics``,
``checkpoint_inhibitors``, ``chemotherapy``. Whom it treats: ``ode``, ``patient``. A trial:
``cohort``, ``recist``, ``survival``, ``virtual_trial``, ``published_trials``. What is read at
the scan and at the microscope: ``lesions``, ``response_monitoring``, ``pd_l1_counting`` and
``pd_l1_feedback``. Every other module is one mechanism, and its first line says which. Every
default value comes from ``course_lib.evidence``.
"""
