"""Velocity templates: the language as mapping templates use it, and its bounds against hostile ones."""

from __future__ import annotations

from typing import Any

import pytest

from mrak.lang.vtl import Host, VtlError, VtlSyntaxError, compile_template, render


def show(template: str, **variables: Any) -> str:
    return render(compile_template(template), variables)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("$a ${a} $!a", "1 1 1"),
        ("$none $!none ${none.x} $!{none}", "$none  ${none.x} "),
        ("cost: $5 and 5$", "cost: $5 and 5$"),
        (r"\$a \#if", "$a #if"),
        ("$m.x $m['x'] $m.get('x') $m.y.z", "X X X $m.y.z"),
        ("$m.x.", "X."),
        ("$l[0] $l.get(1) $l.size() $l[9]", "p q 2 $l[9]"),
        ("#set($b = 2)$b", "2"),
        ('#set($b = "v$a")$b', "v1"),
        ("#set($b = 'v$a')$b", "v$a"),
        ('#set($b = "say ""hi""")$b', 'say "hi"'),
        ("#set($m.x = 'new')$m.x", "new"),
        ("#set($m['k'] = 5)$m.k", "5"),
        ("#if($a == 1)one#elseif($a == 2)two#{else}more#end", "one"),
        ("#if($a == 3)one#elseif($a == 1)two#{else}more#end", "two"),
        ("#if($none)yes#{else}no#end", "no"),
        ("#if(!$none && $a gt 0 || false)yes#end", "yes"),
        ("#if($a == '1')same#end", "same"),
        ("#foreach($x in $l)$x$foreach.index$foreach.count#if($foreach.hasNext),#end#end", "p01,q12"),
        ("#foreach($x in [1..3])$x#if($x == 2)#break#end#end", "12"),
        ("#foreach($e in $m.entrySet())$e.key=$e.value#end", "x=X"),
        ("#foreach($k in $m.keySet())$k#end", "x"),
        ("#set($n = {'a': [1, {'b': 2}]})$n.a[1].b", "2"),
        ("#set($x = 7 / 2)$x #set($x = -7 % 3)$x #set($x = 1 + 2 * 3)$x", "3 -1 7"),
        ("#set($s = 'a,b,c')$s.split(',')[1] $s.replace(',', '-') $s.length() $s.toUpperCase()", "b a-b-c 5 A,B,C"),
        ("#set($s = 'a1b2')$s.replaceAll('[0-9]', '.') $s.matches('a.*') $s.substring(1, 3)", "a.b. true 1b"),
        ("a## comment\nb #* and\nthis *#c", "ab c"),
        ("#[[ $raw #if ]]#", " $raw #if "),
        ("#set($x = 1)\n  #if($x == 1)\n  in\n  #end\nout", "  in\nout"),
        ("#macro(twice $v)$v$v#end#twice('x')#unknown(1)", "xx#unknown(1)"),
        ("$l $m true", "[p, q] {x=X} true"),
        ("one#stop two", "one"),
        ("$h.name $h.hello('you') $h.other() #color: #fff", "N hello you $h.other() #color: #fff"),
    ],
)
def test_the_language(template: str, expected: str) -> None:
    """What mapping templates in the wild are made of."""
    host = Host({"name": "N"}, {"hello": lambda name: f"hello {name}"})
    assert show(template, a=1, m={"x": "X"}, l=["p", "q"], h=host) == expected


@pytest.mark.parametrize(
    "template", ["#if($a)", "#end", "#set($a)", "#set($a = )", "#foreach($x of $l)#end", "#if(($a)x#end"]
)
def test_a_malformed_template(template: str) -> None:
    """It is refused when it is stored or used, with the line."""
    with pytest.raises(VtlSyntaxError, match="line 1"):
        compile_template(template)


@pytest.mark.parametrize(
    "template",
    [
        "$h.__class__.__mro__", "$s.__class__", "$s.format($h)", "$l.__len__()", "$h.methods", "$h.fields",
        "$s.encode().hex()", "$m.__init__.__globals__",
    ],
)  # fmt: skip
def test_python_is_out_of_reach(template: str) -> None:
    """A template is somebody else's program: it must not find its way into ours."""
    assert show(template, h=Host({"name": 1}), s="{0.__class__}", l=[], m={}) == template


@pytest.mark.parametrize(
    "template",
    [
        "#set($s = 'xxxxxxxxxx')#foreach($i in [1..1000])#set($s = $s + $s)#end",
        "#foreach($i in [1..1000])#foreach($j in [1..1000])#foreach($k in [1..1000])x#end#end#end",
        "#macro(m)#m()#end#m()",
        "#set($l = [1..1000000])",
        "#set($s = 'aaaaaaaaaa')#foreach($i in [1..1000])#set($s = $s.replace('a', 'aaaaaaaaaa'))#end",
        "#set($n = 9)#foreach($i in [1..1000])#set($n = $n * $n)#end",
    ],
)
def test_a_template_that_would_not_end(template: str) -> None:
    """Bounds on steps, sizes and depth."""
    with pytest.raises(VtlError):
        show(template)


def test_nesting_is_bounded() -> None:
    """No template exhausts the stack."""
    with pytest.raises(VtlSyntaxError):
        compile_template("#if(true)" * 5000 + "#end" * 5000)
    with pytest.raises(VtlSyntaxError):
        compile_template("#set($a = " + "(" * 5000 + "1" + ")" * 5000 + ")")
    with pytest.raises(VtlSyntaxError):
        compile_template("#set($a = " + "!" * 5000 + "true)")
    with pytest.raises(VtlSyntaxError):
        compile_template("#set($a = " + "[" * 5000 + "]" * 5000 + ")")


def test_a_loop_ends_after_a_thousand_rounds() -> None:
    """As on AWS, without an error."""
    assert show("#foreach($x in $l)x#end", l=list(range(1500))) == "x" * 1000
