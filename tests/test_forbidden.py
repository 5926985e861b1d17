"""What no module of zoo does, and what only the modules do that SECURITY.md names."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
MODULES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for top in ("zoo", "cli", "plugins")
    for path in sorted((ROOT / top).rglob("*.py"))
}
UNPICKLING = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CONNECTING = {
    *("socket", "ssl", "http.client", "http.server", "urllib.request", "urllib3", "requests"),
    *("httpx", "aiohttp", "ftplib", "smtplib", "huggingface_hub", "xmlrpc", "websockets"),
}
XML = {"xml", "lxml", "defusedxml"}
RUNNING = {"eval", "exec", "compile", "__import__"}
PROCESSES = {"subprocess", "multiprocessing", "pty", "ctypes"}
# What a call or an attribute may not be, by its last words.
NEVER = {
    *("os.system", "os.popen", "tempfile.mktemp", "torch.load", "yaml.unsafe_load"),
    *("yaml.full_load", "yaml.load_all", "extractall", "unpack_archive", "fromfile"),
    *("enable_unsafe_deserialization", "read_pickle", "to_pickle"),
}
SAFE_LOADERS = ("loader", "yaml.SafeLoader", "yaml.CSafeLoader")


def imported(tree):
    """Names of the modules that a module imports, and of what it takes of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)


def importing(modules):
    """The modules of zoo that import one of these."""

    def hit(name):
        return any(name == module or name.startswith(f"{module}.") for module in modules)

    return {path for path, tree in MODULES.items() if any(map(hit, imported(tree)))}


def calls(tree):
    return ((ast.unparse(n.func), n) for n in ast.walk(tree) if isinstance(n, ast.Call))


def section(heading):
    """The modules that a section of SECURITY.md names."""
    text = SECURITY.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    assert text, heading
    return set(re.findall(r"`((?:zoo|cli|plugins)/[\w/]+\.py)`", text))


def faults(tree):
    """What a module does that none may."""
    for name, call in calls(tree):
        said = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name in RUNNING or any(name == w or name.endswith(f".{w}") for w in NEVER):
            yield name
        if said.get("shell", "False") != "False":
            yield f"{name}(shell=…)"
        if said.get("allow_pickle", "False") != "False":
            yield f"{name}(allow_pickle=…)"
        if said.get("safe_mode", "True") != "True":
            yield f"{name}(safe_mode=…)"
        if name == "yaml.load" and said.get("Loader") not in SAFE_LOADERS:
            yield "yaml.load without a safe loader"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("eval('1')", "eval"),
        ("os.system('ls')", "os.system"),
        ("archive.extractall()", "archive.extractall"),
        ("tempfile.mktemp()", "tempfile.mktemp"),
        ("subprocess.run('ls', shell=True)", "subprocess.run(shell=…)"),
        ("np.load(path, allow_pickle=True)", "np.load(allow_pickle=…)"),
        ("keras.models.load_model(path, safe_mode=False)", "keras.models.load_model(safe_mode=…)"),
        ("yaml.load(text)", "yaml.load without a safe loader"),
        ("yaml.load(text, Loader=yaml.Loader)", "yaml.load without a safe loader"),
    ],
)
def test_the_check_sees_what_may_not_be_done(code, fault):
    assert list(faults(ast.parse(code))) == [fault]
    assert list(imported(ast.parse("import pickle\nfrom os import path"))) == [
        *("pickle", "os", "os.path"),
    ]


@pytest.mark.parametrize("path", MODULES)
def test_no_module_runs_text_unpickles_or_unpacks_unchecked(path):
    assert list(faults(MODULES[path])) == []


def test_one_module_reads_pickles_and_it_makes_nothing_that_they_name():
    assert importing(UNPICKLING) == {"zoo/metrics/torch_file.py"}
    tree = MODULES["zoo/metrics/torch_file.py"]
    used = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert {name for name in used if name.startswith("pickle.")} == {
        *("pickle.Unpickler", "pickle.UnpicklingError"),
    }


def test_the_loader_of_yaml_is_a_safe_one():
    chosen = [ast.unparse(n.value) for tree in MODULES.values() for n in ast.walk(tree)
              if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "loader"]  # fmt: skip
    assert chosen == ["getattr(yaml, 'CSafeLoader', yaml.SafeLoader)"]


def test_only_the_modules_that_the_page_names_open_connections():
    assert importing(CONNECTING) == section("Connections")


def test_only_the_modules_that_the_page_names_start_processes():
    assert importing(PROCESSES) == section("Processes")


def test_only_the_modules_that_the_page_names_read_xml():
    assert importing(XML) == section("XML")


def test_every_module_that_the_page_names_is_there():
    named = re.findall(r"`((?:zoo|cli|plugins|benchmarks|tests)/[\w/]+\.py)`", SECURITY)
    assert [name for name in named if not (ROOT / name).is_file()] == []
