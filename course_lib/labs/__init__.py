"""Interactive laboratories: one per mechanism, all on the frame in ``frame.py``.

``spec.py`` says how a lab is declared, ``view.py`` what it shows at one setting;
``figure.py`` draws that; ``frame.py`` adds the controls, the prediction, the goal and the
text twin, from the ``blocks.py``; ``predictions.py`` keeps what a student predicted.
``pd_l1_drawing.py`` draws the field of ``pd_l1_counting.py``, and ``published_trials.py`` is a
table. Every other module here is one lab.
"""
