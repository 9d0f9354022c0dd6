"""Java and Ruby functions in real processes, where the languages are installed; `mrak doctor` says how to get them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lambdas.function_bench import Bench

from mrak.lambdas.environment import RUNTIMES_FOLDER
from mrak.lambdas.interpreters import NoInterpreter, choose, javas, rubies

needs_java = pytest.mark.skipif(not javas(), reason="no Java development kit: apt-get install default-jdk-headless")
needs_ruby = pytest.mark.skipif(not rubies(), reason="no Ruby: apt-get install ruby")

HANDLERS = """
    package shop;

    import com.amazonaws.services.lambda.runtime.Context;
    import com.amazonaws.services.lambda.runtime.LambdaLogger;
    import com.amazonaws.services.lambda.runtime.LambdaRuntime;
    import com.amazonaws.services.lambda.runtime.RequestHandler;
    import java.io.InputStream;
    import java.io.OutputStream;
    import java.util.*;

    public class Handlers {
        public static class Order {
            private String id;
            private int count;
            private List<Line> Lines = new ArrayList<>();
            public String getId() { return id; }
            public void setId(String id) { this.id = id; }
            public int getCount() { return count; }
            public void setCount(int count) { this.count = count; }
            public List<Line> getLines() { return Lines; }
            public void setLines(List<Line> lines) { this.Lines = lines; }
        }

        public static class Line {
            public String article;
            public double price;
            private java.time.Instant at;
            public java.time.Instant getAt() { return at; }
            public void setAt(java.time.Instant at) { this.at = at; }
        }

        public static class ByInterface implements RequestHandler<Map<String, Object>, String> {
            public String handleRequest(Map<String, Object> event, Context context) {
                return event.get("name") + " " + context.getAwsRequestId().length() + " "
                    + context.getFunctionName().length() + " " + (context.getRemainingTimeInMillis() > 0);
            }
            public String other(Map<String, Object> event, Context context) {
                return "other";
            }
        }

        public Order pojo(Order order) {
            order.setCount(order.getLines().size());
            return order;
        }

        public static void stream(InputStream in, OutputStream out, Context context) throws java.io.IOException {
            out.write(("{\\"read\\":" + new String(in.readAllBytes()).length() + "}").getBytes());
        }

        public int number(int value) { return value + 1; }

        public String failing(Object event) {
            throw new IllegalStateException("some_error_msg", new RuntimeException("inside"));
        }

        public String logging(Object event, Context context) {
            LambdaLogger logger = LambdaRuntime.getLogger();
            logger.log("from the logger");
            System.out.println("from standard output");
            return System.getenv("AWS_EXECUTION_ENV");
        }

        public String exit(Object event) {
            System.exit(7);
            return "";
        }
    }
"""


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The handlers as a deployment package has them: classes, compiled against AWS's interfaces."""
    folder = tmp_path_factory.mktemp("java")
    source = folder / "Handlers.java"
    source.write_text(HANDLERS)
    java = javas()[min(javas())]
    compiler = os.path.join(os.path.dirname(java.path), "javac")
    target = folder / "classes"
    command = [compiler, "-nowarn", "-implicit:none", "-proc:none", "-sourcepath", f"{RUNTIMES_FOLDER}/java"]
    subprocess.run([*command, "-d", str(target), str(source)], check=True, timeout=120)
    for path in [*folder.parents[:3], folder, *folder.rglob("*")]:
        if path.is_dir() and path.stat().st_uid == os.getuid():
            path.chmod(0o755)
    return str(target)


def java_spec(bench: Bench, classes: str, handler: str, **more: Any) -> Any:
    runtime = f"java{min(javas())}"
    return bench.spec(classes, handler, runtime, timeout_seconds=20.0, memory_mb=512, **more)


@needs_java
def test_java_forms_of_handlers(bench: Bench, classes: str) -> None:
    """AWS's interface, a method with an object, a stream, a simple type, another method of an interface's class."""
    first = bench.ask(java_spec(bench, classes, "shop.Handlers$ByInterface"), {"name": "é"})
    assert first == "é 36 10 True".replace("True", "true")
    assert bench.ask(java_spec(bench, classes, "shop.Handlers$ByInterface::other"), {}) == "other"
    order = {"id": "7", "Lines": [{"article": "ink", "price": 1.5, "AT": "2024-01-02T03:04:05Z"}], "unknown": 1}
    assert bench.ask(java_spec(bench, classes, "shop.Handlers::pojo"), order) == {
        "id": "7",
        "count": 1,
        "lines": [{"article": "ink", "price": 1.5, "at": "2024-01-02T03:04:05Z"}],
    }
    assert bench.ask(java_spec(bench, classes, "shop.Handlers::stream"), {"a": 1}) == {"read": 8}
    spec = java_spec(bench, classes, "shop.Handlers::number")
    assert [bench.ask(spec, number) for number in (1, 2)] == [2, 3]


@needs_java
def test_java_errors(bench: Bench, classes: str) -> None:
    """Recorded: test_uncaught_exception_invoke[java17]; a class that is not there fails the initialisation."""
    error = bench.fail(java_spec(bench, classes, "shop.Handlers::failing"), {})
    assert (error["errorMessage"], error["errorType"]) == ("some_error_msg", "java.lang.IllegalStateException")
    assert error["stackTrace"][0].startswith("shop.Handlers.failing(")
    assert error["cause"]["errorMessage"] == "inside"
    absent = bench.fail(java_spec(bench, classes, "shop.Nowhere::handle"), {})
    assert (absent["errorMessage"], absent["errorType"]) == ("shop.Nowhere", "java.lang.ClassNotFoundException")
    method = bench.fail(java_spec(bench, classes, "shop.Handlers::nothing"), {})
    assert method["errorType"] == "java.lang.NoSuchMethodException"
    ended = bench.fail(java_spec(bench, classes, "shop.Handlers::exit"), {})
    assert ended["errorType"] == "Runtime.ExitError"
    assert ended["errorMessage"].endswith("exit status 7")


@needs_java
def test_java_logs(bench: Bench, classes: str) -> None:
    spec = java_spec(bench, classes, "shop.Handlers::logging")
    assert bench.ask(spec, None) == f"AWS_Lambda_java{min(javas())}"
    text = "".join(bench.log(spec))
    assert "from the logger\n" in text and "from standard output\n" in text


@needs_ruby
def test_ruby_handlers(bench: Bench) -> None:
    """A method of the file and one of a class; the context; what is printed."""
    code = bench.write(
        app_rb="""
        def handler(event:, context:)
          puts "printed"
          { got: event, id: context.aws_request_id.length, left: context.get_remaining_time_in_millis > 0 }
        end
        class Shop
          def self.order(event:, context:)
            event["n"] + 1
          end
        end
        """
    )
    runtime = f"ruby{min(rubies())}"
    spec = bench.spec(code, "app.handler", runtime)
    assert bench.ask(spec, {"é": [1, None]}) == {"got": {"é": [1, None]}, "id": 36, "left": True}
    assert "printed\n" in bench.log(spec)
    assert bench.ask(bench.spec(code, "app.Shop.order", runtime), {"n": 1}) == 2


@needs_ruby
def test_ruby_errors(bench: Bench) -> None:
    """In the handler, in the file, and a process that ends."""
    code = bench.write(
        app_rb="""
        def handler(event:, context:)
          raise ArgumentError, "some_error_msg"
        end
        def ending(event:, context:)
          exit!(3)
        end
        """,
        broken_rb="raise 'at once'",
    )
    runtime = f"ruby{min(rubies())}"
    error = bench.fail(bench.spec(code, "app.handler", runtime))
    assert (error["errorMessage"], error["errorType"]) == ("some_error_msg", "Function<ArgumentError>")
    assert "app.rb:3:in `handler'" in error["stackTrace"][0].replace("'handler'", "`handler'")
    broken = bench.fail(bench.spec(code, "broken.handler", runtime))
    assert (broken["errorMessage"], broken["errorType"]) == ("at once", "Function<RuntimeError>")
    ended = bench.fail(bench.spec(code, "app.ending", runtime))
    assert ended["errorMessage"].endswith("exit status 3")


def test_nearest_version_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer Java runs older classes, and not the other way round; what is not installed is named."""
    from mrak.lambdas import interpreters

    def kit(major: int) -> interpreters.Interpreter:
        return interpreters.Interpreter("java", str(major), f"/java/{major}/bin/java", f"/java/{major}")

    def look(installed: list[int], runtime: str) -> tuple[str, bool]:
        choose.cache_clear()
        monkeypatch.setattr(interpreters, "javas", lambda: {major: kit(major) for major in installed})
        choice = choose(runtime)
        assert choice.interpreter is not None
        return choice.interpreter.version, bool(choice.warning)

    assert look([17, 25], "java17") == ("17", False)
    assert look([17, 25], "java21") == ("25", True)
    assert look([17, 25], "java8.al2") == ("17", True)
    assert look([17], "java25") == ("17", True)
    with pytest.raises(NoInterpreter, match="development kit"):
        look([], "java21")
    choose.cache_clear()
    with pytest.raises(NoInterpreter, match="dotnet8"):
        choose("dotnet8")


@needs_java
def test_runtime_sources_compile_on_every_kit(tmp_path: Path) -> None:
    """Each installed kit must be able to compile what runs its functions."""
    from mrak.lambdas.java import compile_java

    for major, kit in javas().items():
        compile_java(kit, f"{RUNTIMES_FOLDER}/java", str(tmp_path / str(major)))
        assert (tmp_path / str(major) / "mrakruntime" / "Main.class").exists()
