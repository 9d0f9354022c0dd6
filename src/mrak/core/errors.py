"""The errors that leave mrak, in AWS's shape.

`ApiError` is the tree's single root: raised anywhere, encoded once by the protocol layer.

    ApiError
    └── NotBuilt        an operation that AWS has and mrak has not (HTTP 501)

Any other exception that reaches `engine.invoke` is a bug of ours: it is logged with its traceback and answered
as the service's own internal error.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error with AWS's code, message and HTTP status.

    `fields` are further members of the modelled error shape (for instance `Item` of
    ConditionalCheckFailedException). `sender` tells whether the caller is at fault (query protocol's Type).
    `retryable` marks errors that a client may repeat as they are.
    """

    __slots__ = ("code", "fields", "headers", "message", "retryable", "status")

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        fields: dict[str, Any] | None = None,
        retryable: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
        self.retryable = retryable
        self.headers = headers

    @property
    def sender(self) -> bool:
        return self.status < 500

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class NotBuilt(ApiError):
    """The operation exists at AWS and is not built here. It changes nothing."""

    __slots__ = ()

    def __init__(self, service: str, operation: str) -> None:
        super().__init__("NotImplemented", f"mrak does not implement {service}:{operation} yet.", 501)
