"""What the tests notice: changes of the package's code, one at a time, that a test should fail on.

A sample of all changes of the given modules, drawn with a seed, is made in a copy of the checkout.
For each, the tests that run the changed line are run, the quickest first, until one fails. First
the whole unit suite is run once, to learn which tests run which lines. It is run again only for
the files given with --learn. What is known is kept in the folder of the copy: a later run asks
again only about the changes that survived.

    nice python tests/mutations.py --work /tmp/mutations --size 110
    nice python tests/mutations.py --work /tmp/mutations --size 110 --learn tests/api/test_retry.py

A change whose tests take too long counts as noticed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
ROOMS = ["api", "intent", "receiver", "state_store"]
# Of these modules more is drawn than of others.
CRITICAL = [
    "call", "claims", "deduplication", "deliveries", "exchange", "ghosts", "items", "joining",
    "namespaces", "registering", "retry", "shared", "transaction", "transport", "wire",
]  # fmt: skip
COMPARISONS = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*"}
SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
# What a person reads: tests hold neither each message nor each log line.
READ = ("debug", "info", "warning", "error", "exception", "trace", "log")


@dataclass(frozen=True, slots=True)
class Mutation:
    """Text of a module, from one place to another, and what takes its place."""

    module: str
    lines: tuple[int, int]
    start: int
    end: int
    old: str
    new: str
    in_function: bool

    @property
    def key(self) -> str:
        return f"{self.module}:{self.lines[1]}: {self.old!r} -> {self.new!r} @{self.start}"

    def __str__(self) -> str:
        old, new = (" ".join(text.split())[:90] for text in (self.old, self.new))
        return f"{self.module}:{self.lines[1]}: {old}  ->  {new}"


class Mutations(ast.NodeVisitor):
    """All mutations of a module."""

    def __init__(self, module: str, source: str) -> None:
        self.module = module
        self.source = source
        self.found: list[Mutation] = []
        self._starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._statement = 1
        self._functions = 0
        self.visit(ast.parse(source))

    def _add(self, node: ast.expr | ast.stmt, new: str) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[node.end_lineno - 1] + node.end_col_offset
        old = self.source.encode()[start:end].decode()
        lines = (self._statement, node.end_lineno)
        mutation = Mutation(self.module, lines, start, end, old, new, bool(self._functions))
        self.found.append(mutation)

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._statement = node.lineno
        super().visit(node)

    def _function(self, node: ast.FunctionDef) -> None:
        if node.name in ("__repr__", "__str__"):
            return
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        self._functions += 1
        for statement in node.body:
            self.visit(statement)
        self._functions -= 1

    visit_FunctionDef = _function

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):  # a docstring
            return
        if isinstance(node.value, ast.Call):
            if isinstance(node.value.func, ast.Attribute) and node.value.func.attr in READ:
                return
            self._add(node, "pass")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript) and self._functions:
            self._add(node, "pass")
        if isinstance(node.value, ast.Tuple) and isinstance(node.targets[0], ast.Name):
            self._shorten(node.value)
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass")

    def visit_Delete(self, node: ast.Delete) -> None:
        self._add(node, "pass")

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None or ast.unparse(node.value) == "None":
            return
        self._add(node, "return None")
        if isinstance(node.value, ast.Tuple):
            self._shorten(node.value)
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in ast.unparse(node.test):
            self._condition(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def _condition(self, test: ast.expr) -> None:
        if isinstance(test, ast.Name | ast.Attribute | ast.Call):
            self._add(test, f"(not {ast.unparse(test)})")

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
            for other in COMPARISONS[type(node.ops[0])]:
                self._add(node, f"({left} {other} {right})")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = " or " if isinstance(node.op, ast.And) else " and "
        self._add(node, f"({other.join(f'({ast.unparse(value)})' for value in node.values)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add(node, f"(bool({ast.unparse(node.operand)}))")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = ARITHMETIC.get(type(node.op))
        text = any(
            isinstance(side, ast.JoinedStr | ast.List | ast.Tuple)
            or isinstance(getattr(side, "value", None), str | bytes)
            for side in (node.left, node.right)
        )
        if other and not text:
            self._add(node, f"(({ast.unparse(node.left)}) {other} ({ast.unparse(node.right)}))")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, repr(node.value + 1))
            self._add(node, repr(node.value - 1))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A message."""

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
            self._add(node.func, SWAPPED[node.func.id])
        arguments = [ast.unparse(argument) for argument in node.args]
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        if len(arguments) > 1 and not starred and arguments[0] != arguments[1]:
            swapped = ast.Call(
                node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords
            )
            self._add(node, ast.unparse(swapped))
        for keyword in node.keywords:
            if keyword.arg is not None:
                rest = [other for other in node.keywords if other is not keyword]
                self._add(node, ast.unparse(ast.Call(node.func, node.args, rest)))
        self.generic_visit(node)

    def _shorten(self, node: ast.Tuple) -> None:
        if len(node.elts) > 1:
            for dropped in node.elts:
                rest = [element for element in node.elts if element is not dropped]
                self._add(node, ast.unparse(ast.Tuple(rest, ast.Load())))


class Learning:
    """A pytest plugin: which test runs which lines, and how long each takes."""

    def __init__(self, made: coverage.Coverage) -> None:
        self.coverage = made
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = round(time.monotonic() - began, 4)
            self.coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)


class Chosen:
    """A pytest plugin: runs only these tests, in this order."""

    def __init__(self, names: list[str]) -> None:
        self.places = {name: place for place, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self.places]
        items.sort(key=lambda item: self.places[item.nodeid])


def learn(tests: list[str]) -> None:
    """Run tests in a process of its own, and note above the copy's folder what they cover."""
    made = coverage.Coverage(data_file="../coverage", config_file=False, source=["appservice_api"])
    made.load()
    plugin = Learning(made)
    made.start()
    pytest.main(["-q", "-m", "not synapse", "-p", "no:cacheprovider", *tests], plugins=[plugin])
    made.stop()
    made.save()
    times = Path("../times.json")
    known = json.loads(times.read_text()) if times.exists() else {}
    known.update(plugin.seconds)
    for name in plugin.failed:
        known.pop(name, None)
    times.write_text(json.dumps(known))


def run_chosen() -> int:
    """Run the tests whose names come on standard input. In a process of its own."""
    names = json.load(sys.stdin)
    files = sorted({name.partition("::")[0] for name in names})
    plugins = [Chosen(names)]
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", *files], plugins=plugins)


class Copy:
    """A copy of the checkout, and what is known of its tests."""

    def __init__(self, work: Path, limit: float) -> None:
        self.tree = work / "tree"
        self.limit = limit
        self.environment = {**os.environ, "PYTHONPATH": str(self.tree)}
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".tox", "build")
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.copytree(CHECKOUT, self.tree, ignore=ignored)
        self._command = [sys.executable, str(self.tree / "tests" / "mutations.py")]
        compiling = [sys.executable, "-m", "compileall", "-q", "appservice_api", "tests"]
        subprocess.run(compiling, cwd=self.tree, check=True)

    def learn(self, tests: list[str]) -> None:
        command = [*self._command, "--learning", *tests]
        subprocess.run(command, cwd=self.tree, env=self.environment, check=True)

    def read(self) -> None:
        self.seconds = json.loads((self.tree.parent / "times.json").read_text())
        self.data = coverage.CoverageData(str(self.tree.parent / "coverage"))
        self.data.read()

    def tests(self, mutation: Mutation) -> list[str]:
        """The tests that run the changed lines, the quickest and those nearest to it first."""
        lines = self.data.contexts_by_lineno(str(self.tree / mutation.module))
        first, last = mutation.lines
        wanted = range(first, last + 1) if mutation.in_function else lines
        names = {name for line in wanted for name in lines.get(line, ()) if name in self.seconds}
        room = mutation.module.split("/")[1]
        order = sorted(
            names, key=lambda name: self.seconds[name] * (1 if f"/{room}/" in name else 3)
        )
        chosen: list[str] = []
        total = 0.0
        for name in order:
            total += self.seconds[name]
            if total > self.limit and chosen:
                break
            chosen.append(name)
        return chosen

    def survives(self, mutation: Mutation) -> bool:
        """Whether no test fails, the quickest few first, then the others."""
        path = self.tree / mutation.module
        times = path.stat()
        source = path.read_bytes()
        tests = self.tests(mutation)
        try:
            path.write_bytes(
                source[: mutation.start] + mutation.new.encode() + source[mutation.end :]
            )
            compile(path.read_text(), str(path), "exec")
            return all(self._passes(part) for part in (tests[:40], tests[40:]) if part)
        except SyntaxError:
            return False
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _passes(self, tests: list[str]) -> bool:
        limit = 30 + 2 * sum(self.seconds[name] for name in tests)
        process = subprocess.Popen(
            [*self._command, "--chosen"],
            cwd=self.tree,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.communicate(json.dumps(tests).encode(), timeout=limit)
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return process.returncode == 0


def sample(paths: Sequence[str], number: int, size: int, seed: int) -> list[Mutation]:
    """Some mutations of each module, of the critical ones four times as many as of others; and
    of all these so many, in an order of chance."""
    drawn: list[Mutation] = []
    files = [file for path in paths for file in sorted((CHECKOUT / path).rglob("*.py"))]
    files += [CHECKOUT / path for path in paths if path.endswith(".py")]
    for file in files:
        module = file.relative_to(CHECKOUT).as_posix()
        found = Mutations(module, file.read_text()).found
        wanted = number * 4 if file.stem in CRITICAL else number
        chance = random.Random(hashlib.sha256(f"{seed} {module}".encode()).digest())
        drawn += chance.sample(found, min(wanted, len(found)))
    random.Random(seed).shuffle(drawn)
    return drawn[:size]


def report(results: dict[str, bool], drawn: list[Mutation]) -> None:
    modules: dict[str, list[Mutation]] = defaultdict(list)
    for mutation in drawn:
        if mutation.key in results:
            modules[mutation.module].append(mutation)
    for module, mutations in sorted(modules.items()):
        survivors = [mutation for mutation in mutations if results[mutation.key]]
        print(f"{module}: {len(mutations) - len(survivors)} of {len(mutations)}")
        for mutation in survivors:
            print(f"    {mutation}")
    known = [results[mutation.key] for mutation in drawn if mutation.key in results]
    killed = known.count(False)
    print(f"{killed} of {len(known)} killed: {100 * killed / max(1, len(known)):.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", default=[f"appservice_api/{room}" for room in ROOMS])
    parser.add_argument("--work", type=Path, required=True, help="a folder for the copy")
    parser.add_argument("--number", type=int, default=2, help="mutations of each module")
    parser.add_argument("--size", type=int, default=200, help="mutations in all")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--limit", type=float, default=15, help="seconds of tests for each")
    parser.add_argument("--learn", nargs="*", help="tests that are new or have changed")
    parser.add_argument("--list", action="store_true", help="only list the mutations")
    given = parser.parse_args()
    drawn = sample(given.paths, given.number, given.size, given.seed)
    if given.list:
        print(*drawn, f"{len(drawn)} mutations", sep="\n")
        return
    work: Path = given.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    copy = Copy(work, given.limit)
    if given.learn is not None or not (work / "times.json").exists():
        copy.learn(given.learn or [])
    copy.read()
    kept = work / f"results-{given.seed}.json"
    results: dict[str, bool] = json.loads(kept.read_text()) if kept.exists() else {}
    for done, mutation in enumerate(drawn, 1):
        if results.get(mutation.key, True):
            results[mutation.key] = copy.survives(mutation)
            kept.write_text(json.dumps(results, indent=1))
            outcome = "survived" if results[mutation.key] else "killed"
            print(f"{done}/{len(drawn)} {outcome}: {mutation}", flush=True)
    report(results, drawn)


if __name__ == "__main__":
    task: Any = sys.argv[1:2]
    if task == ["--learning"]:
        learn(sys.argv[2:])
    elif task == ["--chosen"]:
        raise SystemExit(run_chosen())
    else:
        main()
