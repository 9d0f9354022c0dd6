"""What other services may use of identity pools: proof of the tokens that they issue."""

from __future__ import annotations

from mrak.services.cognito_identity.logins import ISSUER, OWN, find_claims

__all__ = ["ISSUER", "OWN", "find_claims"]
