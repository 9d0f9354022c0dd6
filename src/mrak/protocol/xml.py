"""XML by shapes: a small element tree from expat, readers and writers compiled from the model.

Nothing from outside can make the parser fetch, expand or recurse: a document type is refused, and so is nesting
beyond `MAX_DEPTH`. Text is written so that any string that XML can hold comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from mrak.protocol import text
from mrak.protocol.model import Member, Shape
from mrak.protocol.reader import WireError

MAX_DEPTH = 100

Reader = Callable[["Element"], Any]
Writer = Callable[[str, Any, list[str]], None]

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_SPECIAL = re.compile(r"[&<>\"\r\x00-\x08\x0b\x0c\x0e-\x1f\x85\u2028]")


class XmlError(ValueError):
    """A document that is not well-formed, or that we refuse to read."""


class Element:
    __slots__ = ("attributes", "children", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def child(self, name: str) -> Element | None:
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> list[Element]:
        return [child for child in self.children if child.name == name]


def _refuse_doctype(*arguments: Any) -> None:
    raise XmlError("document types are not allowed")


def parse(document: bytes) -> Element:
    """The root element; names are without their namespace prefix. Raises XmlError."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    root = Element("", {})
    open_elements = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise XmlError("nested too deeply")
        element = Element(name.rpartition(":")[2], attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: open_elements.pop()
    parser.CharacterDataHandler = lambda data: open_elements[-1].parts.append(data)
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise XmlError(str(error)) from error
    return root.children[0]


def escape(value: str) -> str:
    return _SPECIAL.sub(_escape_one, value) if _SPECIAL.search(value) else value


def _escape_one(match: re.Match[str]) -> str:
    char = match[0]
    return _ESCAPES.get(char) or f"&#x{ord(char):x};"


def element_name(member: Member) -> str:
    """What a list's elements are called. Flattened ones go by the list's own name."""
    own: str | None = member.shape.element.traits.get("locationName")
    if member.traits.get("flattened"):
        return member.wire_name
    return own or (member.wire_name if member.flattened else "member")


class XmlReaders:
    """The compiled readers of one service."""

    def __init__(self) -> None:
        self._compiled: dict[str, Reader] = {}

    def of(self, shape: Shape) -> Reader:
        scalar = text.parser(shape.type)
        if scalar is not None:
            return _scalar_reader(shape.type, scalar)
        found = self._compiled.get(shape.name)
        if found is None:
            self._compiled[shape.name] = lambda element: self._compiled[shape.name](element)
            found = self._compiled[shape.name] = self.structure(list(shape.members.items()))
        return found

    def structure(self, members: list[tuple[str, Member]]) -> Reader:
        plan = [(name, self._member(member)) for name, member in members]

        def read(element: Element) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for name, find in plan:
                value = find(element)
                if value is not None:
                    result[name] = value
            return result

        return read

    def _member(self, member: Member) -> Reader:
        """Finds a member among its parent's attributes and children, and reads it; None where it is absent."""
        kind = member.shape.type
        if member.traits.get("xmlAttribute"):
            parse_attribute = text.parser(kind) or text.identity
            key = member.wire_name
            return lambda e: parse_attribute(e.attributes[key]) if key in e.attributes else None
        if kind == "list":
            return self._list(member)
        if kind == "map":
            return self._map(member)
        read, name = self.of(member.shape), member.wire_name

        def find(element: Element) -> Any:
            child = element.child(name)
            return None if child is None else read(child)

        return find

    def _list(self, member: Member) -> Reader:
        read = self.item(member.shape.element)
        if member.flattened:
            names = {member.wire_name, element_name(member)}

            def read_flat(element: Element) -> Any:
                return [read(child) for child in element.children if child.name in names] or None

            return read_flat
        name = member.wire_name
        read_list = self.list_of(member.shape)

        def read_nested(element: Element) -> Any:
            child = element.child(name)
            return None if child is None else read_list(child)

        return read_nested

    def list_of(self, shape: Shape) -> Reader:
        """Reads a list from the element that wraps its items."""
        read = self.item(shape.element)
        name = shape.element.traits.get("locationName", "member")
        return lambda element: [read(child) for child in element.children if child.name == name]

    def item(self, member: Member) -> Reader:
        """Reads a list's item or a map's value from its own element."""
        if member.shape.type == "list":
            return self.list_of(member.shape)
        if member.shape.type == "map":
            read_entries = self._entries(member.shape)
            return lambda element: read_entries(element.all("entry"))
        return self.of(member.shape)

    def _entries(self, shape: Shape) -> Callable[[list[Element]], dict[str, Any]]:
        key_name, value_name = map_names(shape)
        read = self.item(shape.value)

        def read_entries(entries: list[Element]) -> dict[str, Any]:
            result: dict[str, Any] = {}
            for entry in entries:
                key, value = entry.child(key_name), entry.child(value_name)
                if key is None or value is None:
                    raise WireError("A map's entry lacks its key or its value.")
                result[key.text] = read(value)
            return result

        return read_entries

    def _map(self, member: Member) -> Reader:
        read_entries, name = self._entries(member.shape), member.wire_name
        if member.flattened:
            return lambda element: read_entries(element.all(name)) or None

        def read(element: Element) -> Any:
            child = element.child(name)
            return None if child is None else read_entries(child.all("entry"))

        return read


def write_error_fields(writers: XmlWriters, shape: Shape | None, fields: dict[str, Any], out: list[str]) -> None:
    """An error's members beside its code and message; those that the model lacks as plain text."""
    members = shape.members if shape is not None else {}
    for name, value in fields.items():
        member = members.get(name)
        if member is None:
            out.append(f"<{name}>{escape(str(value))}</{name}>")
        elif member.location is None:
            writers.member(member)(member.wire_name, value, out)


def map_names(shape: Shape) -> tuple[str, str]:
    return shape.key.traits.get("locationName", "key"), shape.value.traits.get("locationName", "value")


def _scalar_reader(kind: str, parse_text: text.Parser) -> Reader:
    if kind in ("string", "character"):
        return lambda element: element.text
    return lambda element: parse_text(element.text.strip())


class XmlWriters:
    """The compiled writers of one service: each appends an element of the given name."""

    def __init__(self, always_millis: bool) -> None:
        self._always_millis = always_millis
        self._compiled: dict[str, Writer] = {}

    def member(self, member: Member) -> Writer:
        shape = member.shape
        if shape.type == "list":
            return self._list(member)
        if shape.type == "map":
            return self._map(member)
        if shape.type == "structure":
            return self._structure_in_namespace(member)
        form = text.formatter(member, "iso8601", self._always_millis)

        def write(name: str, value: Any, out: list[str]) -> None:
            out.append(f"<{name}>{escape(form(value))}</{name}>")

        return write

    def _structure_in_namespace(self, member: Member) -> Writer:
        namespace = member.traits.get("xmlNamespace")
        if namespace and not member.shape.traits.get("xmlNamespace"):
            return self.element(list(member.shape.members.items()), namespace_declaration(namespace))
        return self.of(member.shape)

    def of(self, shape: Shape) -> Writer:
        """Writes a structure."""
        found = self._compiled.get(shape.name)
        if found is None:
            self._compiled[shape.name] = lambda name, value, out: self._compiled[shape.name](name, value, out)
            found = self._compiled[shape.name] = self._structure(shape)
        return found

    def _structure(self, shape: Shape) -> Writer:
        return self.element(list(shape.members.items()), namespace_declaration(shape.traits.get("xmlNamespace")))

    def element(self, members: list[tuple[str, Member]], declaration: str, woven: tuple[str, ...] = ()) -> Writer:
        """Writes an element with these members, some of them as its attributes, some lists of them as one."""
        write_content = self.content(members, woven)
        attributes = [
            (name, member.wire_name, text.formatter(member, "iso8601"))
            for name, member in members
            if member.traits.get("xmlAttribute")
        ]

        def write(name: str, value: Any, out: list[str]) -> None:
            marks = "".join(
                f' {key}="{escape(form(value[member]))}"'
                for member, key, form in attributes
                if value.get(member) is not None
            )
            out.append(f"<{name}{declaration}{marks}>")
            write_content(value, out)
            out.append(f"</{name}>")

        return write

    def content(
        self, members: list[tuple[str, Member]], woven: tuple[str, ...] = ()
    ) -> Callable[[dict[str, Any], list[str]], None]:
        """Writes these members of a structure, without an element around them."""
        plan = [
            (name, member.wire_name, self.member(member))
            for name, member in members
            if not member.traits.get("xmlAttribute") and name not in woven
        ]
        if woven:
            at = next(at for at, (name, _) in enumerate(members) if name in woven)
            plan.insert(at, ("Sequence", "", self._sequence([row for row in members if row[0] in woven])))

        def write(value: dict[str, Any], out: list[str]) -> None:
            for name, wire_name, write_member in plan:
                inner = value.get(name)
                if inner is not None:
                    write_member(wire_name, inner, out)

        return write

    def _sequence(self, members: list[tuple[str, Member]]) -> Writer:
        """Writes (member, item) of several flattened lists."""
        writers = {name: (element_name(member), self.member(member.shape.element)) for name, member in members}

        def write_sequence(name: str, value: Any, out: list[str]) -> None:
            for member, inner in value:
                item, write = writers[member]
                write(item, inner, out)

        return write_sequence

    def _list(self, member: Member) -> Writer:
        write = self.member(member.shape.element)
        item = element_name(member)
        if member.flattened:

            def write_flat(name: str, value: Any, out: list[str]) -> None:
                for inner in value:
                    write(item, inner, out)

            return write_flat

        def write_nested(name: str, value: Any, out: list[str]) -> None:
            out.append(f"<{name}>")
            for inner in value:
                write(item, inner, out)
            out.append(f"</{name}>")

        return write_nested

    def _map(self, member: Member) -> Writer:
        key_name, value_name = map_names(member.shape)
        write = self.member(member.shape.value)
        flattened = member.flattened

        def write_map(name: str, value: Any, out: list[str]) -> None:
            entry = name if flattened else "entry"
            if not flattened:
                out.append(f"<{name}>")
            for key, inner in value.items():
                out.append(f"<{entry}><{key_name}>{escape(str(key))}</{key_name}>")
                write(value_name, inner, out)
                out.append(f"</{entry}>")
            if not flattened:
                out.append(f"</{name}>")

        return write_map


def namespace_declaration(namespace: Any) -> str:
    """` xmlns="..."` of a model's xmlNamespace trait, or nothing."""
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{escape(namespace)}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{escape(namespace["uri"])}"'
