"""Wald's sequential probability ratio test of yes-or-no observations, on which two of the detectors rest.

A. Wald, Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16(2), 1945.
"""

import math


class SequentialTest:
    """Tells whether "yes" comes with probability `guilty` or with `innocent`, after as few observations as can be.

    `wrong_alarms` and `missed` are how often it may err (alpha and beta of Wald).  Scores are log likelihood ratios;
    a test begins at 0.
    """

    def __init__(self, innocent: float, guilty: float, wrong_alarms: float, missed: float) -> None:
        assert 0 < innocent < guilty < 1, (innocent, guilty)
        self.yes = math.log(guilty / innocent)
        self.no = math.log((1 - guilty) / (1 - innocent))
        self.upper = math.log((1 - missed) / wrong_alarms)
        self.lower = math.log(missed / (1 - wrong_alarms))

    def after(self, score: float, is_yes: bool) -> float:
        """Return the score after one more observation."""
        return score + (self.yes if is_yes else self.no)

    def convicts(self, score: float) -> bool:
        """Is the test over, against the device?"""
        return score >= self.upper

    def acquits(self, score: float) -> bool:
        """Is the test over, in favour of the device?"""
        return score <= self.lower
