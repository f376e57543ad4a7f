"""Interactive laboratories: one per mechanism, all on the frame in ``frame.py``.

``spec.py`` says how a lab is declared, ``view.py`` what it shows at one setting;
``figure.py`` draws that and ``words.py`` describes it; ``frame.py`` adds the controls, the
prediction, the goal and the text twin, from the ``blocks.py``; ``questions.py`` asks before and
after, and ``predictions.py`` keeps what a student predicted. ``looking_back.py`` sets all
predictions beside what the labs show.

``pd_l1_drawing.py`` draws the field of ``pd_l1_counting.py``, and ``tissue_drawing.py`` the
``tissue.py``. ``tissue_frame.py`` adds a run without an end to the frame, and ``trial_frame.py``
a large one for ``virtual_trial.py``, which counts with ``trial_numbers.py``. Words of a lab that
needs many stand in a module named like it, with ``_words``. ``published_trials.py`` and
``trial_calibration.py`` are tables. Every other module here is one lab.
"""
