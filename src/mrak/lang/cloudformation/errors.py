"""What is wrong with a template, with AWS's whole message."""

from __future__ import annotations


class TemplateError(Exception):
    """A template, or a value for one of its parameters, that can't be used. CloudFormation answers ValidationError."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def format_error(message: str) -> TemplateError:
    return TemplateError(f"Template format error: {message}")


def function_error(message: str) -> TemplateError:
    return TemplateError(f"Template error: {message}")
