"""Whose request it is: environment, account and principal, from the key that signed it.

Every key that mrak issued is verified: the environments' own keys, users' keys, temporary credentials. Keys that it
does not know are the default account, in the open mode and on a loopback listener only; a key of twelve digits is that
account. Whoever has no key gets nothing beyond loopback.
"""

from __future__ import annotations

import re

import msgspec

from mrak.auth import sigv4
from mrak.auth.credentials import account_of, open_session, session_secret
from mrak.auth.flavours import flavour_of
from mrak.auth.principals import ANONYMOUS, Principal, root_of
from mrak.auth.signature import Signature
from mrak.core.http import Request
from mrak.core.operation import load
from mrak.core.scope import DEFAULT_ENVIRONMENT, Scope
from mrak.engine.environment import Environment
from mrak.engine.environments import Environments
from mrak.gateway import cognitonames
from mrak.gateway.forms import Form
from mrak.gateway.router import Route

_ACCOUNT = re.compile(r"\d{12}")


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and with which secret the request (and its chunks) was signed; None where it was not verified."""

    environment: Environment
    scope: Scope
    principal: Principal
    signature: Signature | None = None
    secret: str | None = None


class Authentication:
    def __init__(self, environments: Environments, default_region: str, *, open_mode: bool) -> None:
        self._environments = environments
        self._default_region = default_region
        self._open_mode = open_mode

    async def caller(self, request: Request, route: Route, signature: Signature | None) -> Caller:
        """The caller of a request; raises the service's own error where its credentials do not hold."""
        if signature is None:
            return await self._anonymous(route)
        key = signature.access_key
        row = self._environments.by_key.get(key)
        if row is not None:
            _check_needs_no_token(signature)
            environment = await self._environments.require(row.name)
            return await self._verified(
                request, route, signature, environment, root_of(row.account, access_key=key), row.secret_access_key
            )
        if signature.session_token is not None and key.startswith("ASIA"):
            return await self._session(request, route, signature)
        account = account_of(key)
        if account is None or _ACCOUNT.fullmatch(key):
            return await self._unknown(route, signature)
        owner = self._environments.by_account.get(account)
        name = owner.name if owner is not None else self._environment_of(route)
        user = await self._user(request, route, signature, Scope(name, account, ""))
        if user is None and owner is not None:
            raise signature.flavour.error("unknown-key")
        # An account that no sandbox has may be one of twelve digits, or AWS's: its keys look the same.
        return user or await self._unknown(route, signature)

    def find_bucket(self, route: Route) -> Route:
        """The route of a request to S3 whose host is one label: a sandbox where there is one of that name, else a
        bucket, which SDKs put before `localhost` (`bucket.localhost`)."""
        if route.service != "s3" or route.resource or not route.environment:
            return route
        if route.environment in self._environments.rows:
            return route
        return msgspec.structs.replace(route, resource=route.environment, environment="")

    async def asker(self, route: Route, signature: Signature | None) -> Caller:
        """Who sends a preflight: nobody, in the sandbox of the key that a presigned link names. A browser asks before
        it uses the link, with another method than the link was signed for, so there is nothing to verify."""
        name = self._environment_of(route) if signature is None else self._environment_of_key(signature)
        environment = await self._environments.require(name)
        scope = Scope(name, environment.account, route.region or self._default_region)
        return Caller(environment, scope, ANONYMOUS)

    def _environment_of_key(self, signature: Signature) -> str:
        """The sandbox that an access key belongs to, verified or not."""
        key, token = signature.access_key, signature.session_token
        row = self._environments.by_key.get(key) or self._environments.by_account.get(account_of(key) or "")
        if row is None and token is not None and key.startswith("ASIA"):
            session = open_session(self._environments.server_secret, key, token, 0.0, signature.flavour)
            row = self._environments.rows.get(session.environment)
        return DEFAULT_ENVIRONMENT if row is None else row.name

    def locate(self, request: Request, route: Route) -> Route:
        """The route of a request to Cognito without a signature, with the environment that its names tell; the body
        has been read."""
        if route.environment:
            return route
        if route.plane:
            code, region = cognitonames.find_in_page(request, route.resource), ""
        else:
            code, region = cognitonames.find_in_operation(request)
        row = self._environments.by_code.get(code)
        name = DEFAULT_ENVIRONMENT if row is None else row.name
        return msgspec.structs.replace(route, environment=name, region=route.region or region)

    async def _anonymous(self, route: Route) -> Caller:
        """Nobody. Data planes and S3 decide by their own policies; in the open mode that is the default account."""
        name = self._environment_of(route)
        environment = await self._environments.require(name)
        scope = Scope(name, environment.account, route.region or self._default_region)
        return Caller(environment, scope, ANONYMOUS)

    def _environment_of(self, route: Route) -> str:
        """Whose environment a request without a key of ours is for: its host names one, or the account of its link
        or the id of the API, function URL or distribution that it is for does, or it is the default one."""
        if route.environment in self._environments.rows:
            return route.environment
        if route.account in self._environments.by_account:
            return self._environments.by_account[route.account].name
        row = self._environments.find_by_resource(route.resource) if route.plane else None
        return DEFAULT_ENVIRONMENT if row is None else row.name

    async def _session(self, request: Request, route: Route, signature: Signature) -> Caller:
        secret = self._environments.server_secret
        token = signature.session_token
        assert token is not None
        # The environment's clock decides about expiry, but which one it is stands in the token: open it at time 0.
        session = open_session(secret, signature.access_key, token, 0.0, signature.flavour)
        if session.environment not in self._environments.rows:
            raise signature.flavour.error("bad-token")
        environment = await self._environments.require(session.environment)
        session = open_session(secret, signature.access_key, token, environment.clock.now(), signature.flavour)
        principal = session.principal(signature.access_key)
        return await self._verified(
            request, route, signature, environment, principal, session_secret(secret, signature.access_key)
        )

    async def _user(self, request: Request, route: Route, signature: Signature, scope: Scope) -> Caller | None:
        """The owner of a user's access key, which is a row of its environment; None where no user has it."""
        load("iam")
        from mrak.services.iam import exports as iam

        environment = await self._environments.require(scope.environment)
        found = await environment.transact(lambda tx: iam.find_access_key(tx, scope, signature.access_key))
        if found is None:
            return None
        _check_needs_no_token(signature)
        principal, secret = found
        return await self._verified(request, route, signature, environment, principal, secret)

    async def _unknown(self, route: Route, signature: Signature) -> Caller:
        if not self._open_mode:
            raise signature.flavour.error("unknown-key")
        name = self._environment_of(route)
        environment = await self._environments.require(name)
        sigv4.check_lifetime(signature, _real_time(environment))
        account = signature.access_key if _ACCOUNT.fullmatch(signature.access_key) else environment.account
        scope = Scope(name, account, signature.region or self._default_region)
        return Caller(environment, scope, root_of(account, access_key=signature.access_key), signature)

    async def _verified(
        self,
        request: Request,
        route: Route,
        signature: Signature,
        environment: Environment,
        principal: Principal,
        secret: str,
    ) -> Caller:
        if route.environment and route.environment != environment.name:
            # A sandbox's host with another sandbox's key.
            raise flavour_of(signature.service).error("unknown-key")
        if isinstance(request, Form):
            sigv4.check_post_signature(signature, request.fields, secret)
        else:
            sigv4.check_signature(signature, request, secret, _real_time(environment))
        scope = Scope(environment.name, principal.account, signature.region)
        return Caller(environment, scope, principal, signature, secret)


def _check_needs_no_token(signature: Signature) -> None:
    """Only temporary credentials have a session token; with a key that lasts, whatever comes as one is none."""
    if signature.session_token:
        raise signature.flavour.error("bad-token")


def _real_time(environment: Environment) -> float:
    """What the clients' clocks show, however far the environment's has been moved."""
    return environment.clock.now() - environment.clock.offset_seconds
