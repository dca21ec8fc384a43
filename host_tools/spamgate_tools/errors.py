"""The one kind of error a user of the host tool sees, and the exit codes."""

EXIT_OK = 0
EXIT_DIFFERENT = 1  # the command worked, and the answer is "no"
EXIT_FAILED = 2  # bad input or a missing part: one line on stderr says what, where and what to do


class UserError(Exception):
    """Something outside is wrong: `text` says what and where, `hint` what to do about it."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text, hint)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text}; {self.hint}" if self.hint else self.text
