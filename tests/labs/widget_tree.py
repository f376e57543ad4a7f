"""Finding widgets by what they say."""


def everything(widget):
    """Yield a widget and all below it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def button(lab, text):
    """Return the button of a lab that says this."""
    return next(w for w in everything(lab.widget) if getattr(w, "description", "") == text)
