"""Interactive laboratories: one per mechanism, all on the frame in ``frame.py``.

``view.py`` says what a lab shows, ``figure.py`` draws it, ``frame.py`` adds the
controls, the prediction, the goal and the text twin, ``predictions.py`` keeps
what a student predicted. Every other module here is one lab.
"""
