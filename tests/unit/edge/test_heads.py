"""Response heads: what a client may be made to believe depends on these bytes."""

from email.utils import formatdate

import pytest

from mrak.edge.heads import DateHeader, format_http_date, render_head


def test_a_head_carries_status_headers_length_and_date() -> None:
    """The exact bytes, since SDKs parse them."""
    head = render_head(404, [("x-a", "1"), ("x-a", "2")], 5, "date: now\r\n", keep_alive=True)
    assert head == b"HTTP/1.1 404 Not Found\r\nx-a: 1\r\nx-a: 2\r\ndate: now\r\ncontent-length: 5\r\n\r\n"


def test_the_last_response_says_so() -> None:
    """A client that is not told would send its next request into a closing connection."""
    assert b"connection: close\r\n" in render_head(200, [], 0, "", keep_alive=False)


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("place", ["name", "value"])
def test_a_header_cannot_forge_another(value: str, place: str) -> None:
    """Object metadata and function results end up in headers; response splitting must be impossible."""
    header = (value, "x") if place == "name" else ("x-meta", value)
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        render_head(200, [header], 0, "", keep_alive=True)


def test_a_status_without_a_name_is_sent_as_it_is() -> None:
    """Functions behind API Gateway may answer any number."""
    assert render_head(299, [], 0, "", keep_alive=True).startswith(b"HTTP/1.1 299 \r\n")


def test_the_date_is_an_http_date() -> None:
    """RFC 9110, 5.6.7: SDKs correct their clock by it. The standard library is the judge."""
    for second in (0, 951_782_400, 1_735_689_599, 1_798_761_600):
        assert format_http_date(second) == formatdate(second, usegmt=True)
    assert DateHeader().line().startswith("date: ")
