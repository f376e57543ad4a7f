r"""What a positive and a negative test mean: Bayes' rule, in counts of people.

Of people of whom a share $p$ relapses, a test finds the share $s$ (its sensitivity), and of the
others a share $c$ (its specificity) is told rightly that nothing was found. Then

$$PPV = \frac{s\,p}{s\,p + (1-c)(1-p)},\qquad NPV = \frac{c\,(1-p)}{c\,(1-p) + (1-s)\,p}$$

are the shares of positive and of negative results that are right. Sensitivity and specificity
belong to the test; the predictive values belong to the test and to the people who take it.
"""

from typing import NamedTuple

import numpy as np

from course_lib.models.parameters import checked

#: How the results of two tests are put together; "one" stands for a single test.
RULES = ("one", "both", "either")


class Counts(NamedTuple):
    """People by what is true and what the test says, not rounded; each of the shape given."""

    true_positive: np.ndarray
    false_negative: np.ndarray
    false_positive: np.ndarray
    true_negative: np.ndarray


class Predictive(NamedTuple):
    """Shares of the positive and of the negative results that are right, 0 to 1."""

    positive: np.ndarray
    negative: np.ndarray


class Accuracy(NamedTuple):
    """Sensitivity and specificity, 0 to 1."""

    sensitivity: float
    specificity: float


def counts(prevalence, sensitivity, specificity, people=1000):
    r"""Return ``Counts``: of $n$ people, $n\,p\,s$ are true positives, and so on.

    Arguments: ``prevalence`` $p$, ``sensitivity`` $s$ and ``specificity`` $c$, 0 to 1, each one
    number or shape (settings,); ``people`` $n$, 0 to 1e9.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    """
    prevalence = checked("prevalence", prevalence, 0, 1)
    sensitivity = checked("sensitivity", sensitivity, 0, 1)
    specificity = checked("specificity", specificity, 0, 1)
    people = checked("people", people, 0, 1e9, scalar=True)
    ill, well = people * prevalence, people * (1 - prevalence)
    return Counts(
        true_positive=ill * sensitivity,
        false_negative=ill * (1 - sensitivity),
        false_positive=well * (1 - specificity),
        true_negative=well * specificity,
    )


def predictive_values(prevalence, sensitivity, specificity):
    r"""Return ``Predictive(positive, negative)``, the shares of the results that are right.

    $$PPV = \frac{s\,p}{s\,p + (1-c)(1-p)},\qquad NPV = \frac{c\,(1-p)}{c\,(1-p) + (1-s)\,p}$$

    Arguments and errors as for ``counts``. NaN where such a result cannot occur: nobody can say
    what it would mean.
    Source: Bayes' rule, in every textbook.
    """
    found = counts(prevalence, sensitivity, specificity, people=1)
    with np.errstate(invalid="ignore"):
        positive = np.divide(found.true_positive, found.true_positive + found.false_positive)
        negative = np.divide(found.true_negative, found.true_negative + found.false_negative)
    return Predictive(positive, negative)


def combined(sensitivity, specificity, rule="one", alike=0.0):
    r"""Return the ``Accuracy`` of two equal tests that are read together.

    In a share $a$ of the people the second test only repeats the first; in the others it errs
    independently. If both must be positive,

    $$s' = a\,s + (1 - a)\,s^2,\qquad c' = a\,c + (1 - a)\left[1 - (1 - c)^2\right]$$

    If one positive result is enough, $s$ and $c$ change places.

    Arguments: ``sensitivity`` $s$, ``specificity`` $c$ and ``alike`` $a$, one number each, 0 to 1;
    ``rule``, one of ``RULES``: "one" test, "both" positive, or "either" positive.
    Raises ``ValueError`` or ``TypeError`` naming the argument, the allowed range and the value.
    Source: assumption of the course (``predictive.alike``).
    """
    sensitivity = checked("sensitivity", sensitivity, 0, 1, scalar=True)
    specificity = checked("specificity", specificity, 0, 1, scalar=True)
    alike = checked("alike", alike, 0, 1, scalar=True)
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, you gave {rule!r}.")
    if rule == "one":
        return Accuracy(sensitivity, specificity)

    def twice(share):
        return alike * share + (1 - alike) * share**2

    def once(share):
        return alike * share + (1 - alike) * (1 - (1 - share) ** 2)

    if rule == "both":
        return Accuracy(twice(sensitivity), once(specificity))
    return Accuracy(once(sensitivity), twice(specificity))
