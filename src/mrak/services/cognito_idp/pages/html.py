"""How the hosted pages look: one sheet of style, forms that work without scripts, nothing from other hosts."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

import msgspec

from mrak.core.http import Response

_STYLE: Final = """
:root{color-scheme:light dark;--ground:#eef2f8;--glow:#dbe6fb;--card:#fff;--ink:#14213d;--soft:#5b6785;--line:#cfd7e6;
--edge:#77839f;--accent:#2456e6;--accent-ink:#fff;--bad:#b3261e;--bad-ground:#fdeceb;--good:#0f6b3c;--good-ground:#e7f6ee}
@media(prefers-color-scheme:dark){:root{--ground:#0d1424;--glow:#1a2a4f;--card:#151e33;--ink:#e8edf9;--soft:#9aa7c5;
--line:#33405f;--edge:#7f8cad;--accent:#7ea2ff;--accent-ink:#0b1226;--bad:#ffb4ab;--bad-ground:#3b1916;--good:#8fe0b3;
--good-ground:#12301f}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px 16px;color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
background:radial-gradient(900px 500px at 50% -10%,var(--glow),transparent 70%),var(--ground)}
main{width:100%;max-width:412px;background:var(--card);border:1px solid var(--line);border-radius:18px;
padding:36px 34px 30px;box-shadow:0 18px 48px -20px rgba(16,32,80,.35)}
.mark{width:46px;height:46px;border-radius:14px;display:grid;place-items:center;font-weight:700;font-size:20px;
background:var(--accent);color:var(--accent-ink);margin-bottom:18px}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 4px}
.under{color:var(--soft);margin:0 0 22px;overflow-wrap:anywhere}
label{display:block;font-weight:600;font-size:.9rem;margin:16px 0 6px}
input{width:100%;font:inherit;color:inherit;padding:11px 13px;border:1px solid var(--edge);border-radius:10px;
background:transparent}
input:focus-visible,button:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.code{letter-spacing:.35em;font-variant-numeric:tabular-nums;font-size:1.2rem}
.hint{color:var(--soft);font-size:.82rem;margin:6px 0 0}
button{width:100%;margin-top:24px;font:inherit;font-weight:650;padding:12px 16px;border:0;border-radius:10px;
background:var(--accent);color:var(--accent-ink);cursor:pointer}
button:hover{filter:brightness(1.07)}
.note{padding:11px 14px;border-radius:10px;margin:0 0 8px;font-size:.93rem}
.bad{color:var(--bad);background:var(--bad-ground)}
.good{color:var(--good);background:var(--good-ground)}
.links{margin:22px 0 0;padding-top:18px;border-top:1px solid var(--line);font-size:.92rem;color:var(--soft);
display:flex;flex-wrap:wrap;gap:6px 18px;justify-content:space-between}
a{color:var(--accent);text-underline-offset:3px}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Where a form's answer leads to is an app's address, so that form-action can't be limited.
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a form. `complete` is HTML's autocomplete token."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    complete: str = "off"
    hint: str = ""
    is_code: bool = False
    is_required: bool = True


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page with one form at most. `hidden` are fields that nobody sees, `links` (address, words)."""

    title: str
    under: str = ""
    app: str = ""
    action: str = ""
    button: str = ""
    fields: tuple[Field, ...] = ()
    hidden: dict[str, str] = {}
    links: tuple[tuple[str, str], ...] = ()
    error: str = ""
    notice: str = ""


def render(page: Page, status: int = 200, cookies: tuple[str, ...] = ()) -> Response:
    headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", _POLICY),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        *(("set-cookie", cookie) for cookie in cookies),
    ]
    return Response(status, headers, _document(page).encode())


def redirect(location: str, cookies: tuple[str, ...] = ()) -> Response:
    headers = [("location", location), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")]
    return Response(302, [*headers, *(("set-cookie", cookie) for cookie in cookies)], b"")


def _document(page: Page) -> str:
    title = escape(f"{page.title} - {page.app}" if page.app else page.title)
    mark = f'<div class="mark" aria-hidden="true">{escape(page.app[:1].upper())}</div>' if page.app else ""
    under = f'<p class="under">{escape(page.under)}</p>' if page.under else ""
    error = f'<p class="note bad" role="alert">{escape(page.error)}</p>' if page.error else ""
    notice = f'<p class="note good" role="status">{escape(page.notice)}</p>' if page.notice else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f"{mark}<h1>{escape(page.title)}</h1>{under}{error}{notice}{_form(page)}{_links(page)}</main></body></html>"
    )


def _form(page: Page) -> str:
    if not page.button:
        return ""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in page.hidden.items()
    )
    # The first field that is empty gets the cursor.
    first = next((field.name for field in page.fields if not field.value), "")
    fields = "".join(_field(field, field.name == first) for field in page.fields)
    return (
        f'<form method="post" action="{escape(page.action)}">{hidden}{fields}'
        f'<button type="submit">{escape(page.button)}</button></form>'
    )


def _field(field: Field, has_focus: bool) -> str:
    name = escape(field.name)
    hint = f'<p class="hint" id="{name}-hint">{escape(field.hint)}</p>' if field.hint else ""
    extra = f' aria-describedby="{name}-hint"' if field.hint else ""
    extra += " required" if field.is_required else ""
    extra += " autofocus" if has_focus else ""
    if field.is_code:
        extra += ' class="code" inputmode="numeric" maxlength="6" pattern="[0-9]{6}"'
    return (
        f'<label for="{name}">{escape(field.label)}</label>'
        f'<input id="{name}" name="{name}" type="{escape(field.kind)}" value="{escape(field.value)}" '
        f'autocomplete="{escape(field.complete)}" autocapitalize="none" spellcheck="false"{extra}>{hint}'
    )


def _links(page: Page) -> str:
    if not page.links:
        return ""
    anchors = "".join(f'<a href="{escape(address)}">{escape(words)}</a>' for address, words in page.links)
    return f'<nav class="links" aria-label="Other ways">{anchors}</nav>'
