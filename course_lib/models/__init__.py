"""What happens: models in numpy, without widgets, files or plots.

Read them in this order. What a drug does: ``binding``, ``pharmacokinetics``,
``checkpoint_inhibitors``, ``chemotherapy``. Whom it treats: ``ode``, ``patient``. A trial:
``cohort``, ``recist``, ``survival``, ``virtual_trial``, ``published_trials``. What is read at
the scan and at the microscope: ``lesions``, ``response_monitoring``, ``pd_l1_counting`` and
``pd_l1_feedback``. Every default value comes from ``course_lib.evidence``.
"""
