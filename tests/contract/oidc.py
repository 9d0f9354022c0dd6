"""An OpenID Connect issuer for tests: real keys, served on loopback."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa


class Issuer:
    """An OpenID issuer on loopback. `rotate` replaces its key."""

    def __init__(self) -> None:
        self.fetches = 0
        self.rotate("one")
        issuer = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = {"jwks_uri": f"{issuer.url}/keys"}
                if self.path.endswith("/keys"):
                    issuer.fetches += 1
                    page = issuer.keys
                data = json.dumps(page).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def rotate(self, key_id: str) -> None:
        self.key_id = key_id
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.keys = {"keys": [public | {"kid": key_id, "alg": "RS256", "use": "sig"}]}

    def token(self, algorithm: str = "RS256", key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        all_claims = {"iss": self.url, "aud": "app", "sub": "u1", "iat": now, "exp": now + 600} | claims
        kept = {name: value for name, value in all_claims.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm, {"kid": self.key_id})
