"""Interactive laboratories: one per mechanism, all on the frame in ``frame.py``.

``spec.py`` says how a lab is declared, ``view.py`` what it shows at one setting;
``figure.py`` draws that; ``frame.py`` adds the controls, the prediction, the goal and the
text twin; ``predictions.py`` keeps what a student predicted. Every other module here is
one lab.
"""
