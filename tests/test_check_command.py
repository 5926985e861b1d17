"""`zoo check`, as a person and a script see it."""

import json

import numpy as np
import pytest
from PIL import Image

METRIC = """
import zoo

@zoo.hookimpl
def zoo_metrics():
    yield zoo.Metric("bright", "zoo_bright:bright", "Brightness"{facts})

def bright(real, fake, context):
    return {value}
"""
GOOD = "abs(float(real.mean()) - float(fake.mean()))"


def source(value=GOOD, facts=""):
    return METRIC.format(value=value, facts=facts)


def test_each_check_is_a_line_with_what_it_expects(install, zoo_command):
    install("zoo-bright", source(facts=", better='neither'"))
    done = zoo_command("check", "bright")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "✓ metric bright  value: one finite number from two sets of images" in lines
    assert "– metric bright  better: does not apply: better is 'neither'" in lines
    assert lines[-1] == "7 passed, 0 failed, 1 do not apply"
    assert done.stderr == ""


def test_a_failure_says_what_was_found_and_what_to_do(install, zoo_command):
    install("zoo-bright", source("real.mean() / fake.std()"))
    done = zoo_command("check", "zoo-bright", "--only", "undefined")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "✗ metric bright  undefined: NotComputed where there is no number, never NaN",
        "    found: it gives nan for constant images",
        "    do: raise zoo.errors.NotComputed('why') instead",
        "0 passed, 1 failed, 0 do not apply",
    ]


def test_json_is_an_array_of_findings_and_the_only_answer(install, zoo_command):
    install("zoo-bright", "print('loud')\n" + source("print('louder') or 1.0"))
    done = zoo_command("check", "bright", "--json")
    assert done.returncode == 1
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert found["value"]["state"] == "passed"
    better = found["better"]
    assert better.pop("seconds") >= 0
    assert better == {
        "kind": "metric",
        "name": "bright",
        "check": "better",
        "state": "failed",
        "expected": "real images better than noise",
        "found": "1 for images like the real ones and 1 for noise, where lower is better",
        "advice": "set better= to the other, or to 'neither'",
    }


def test_an_error_of_the_plugin_names_its_line(install, zoo_command):
    install("zoo-bright", source("real.maen()"))
    done = zoo_command("check", "bright", "--only", "value")
    assert done.returncode == 1
    assert "AttributeError" in done.stdout
    assert "(zoo_bright.py, line 9)" in done.stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("brihgt",), "no record or package 'brihgt'"),
        (("fid", "--kind", "dataset"), "no dataset 'fid'"),
        (("fid", "--kind", "metrics"), "is not one of 'generator'"),
        (("fid", "--only", "speed"), "no check 'speed'; choose from loads, imports, value"),
        (("dcgan", "-o", "width"), "-o width: expected KEY=VALUE"),
        (("dcgan", "-o", "widht=3"), "did you mean width?"),
        (("logistic", "-o", "sied=3"), "did you mean side?"),
        (("logistic", "-o", "side=big"), "side=big: expected whole number"),
        (("fid", "-o", "k=3"), "fid: a metric takes no options"),
        (("folder:nowhere",), "folder:nowhere: no such folder"),
        (("folder:.", "-o", "zed=max"), "no option of folder 'zed'"),
        ((), "Missing argument 'NAME'"),
    ],
)
def test_wrong_use_exits_2_with_what_to_type(zoo_command, args, told):
    done = zoo_command("check", *args)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("damaged", [0, 1, 4])
def test_the_check_of_a_dataset_tells_what_it_passes_over(zoo_command, tmp_path, damaged):
    rng = np.random.default_rng(0)
    for i in range(24):
        pixels = rng.integers(0, 255, (16, 16), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    for i in range(damaged):
        (tmp_path / f"damaged-{i}.png").write_bytes(b"none")
    done = zoo_command("check", f"folder:{tmp_path}", "--only", "examples")
    assert done.returncode == 0, done.stderr
    line, *more, _ = done.stdout.splitlines()
    told = {0: "(24 images)", 1: "(25 images, 1 set aside: no image that can be read)"}
    assert line.endswith(told.get(damaged, "(28 images, 4 set aside: no image that can be read)"))
    report = f"`zoo data report folder:{tmp_path}` lists them with their reasons"
    warned = [f"    warning: 14% of the images are set aside; {report}"]
    assert more == (warned if damaged == 4 else [])


def test_a_dataset_without_its_path_says_what_to_type(install, zoo_command):
    record = 'zoo.Dataset("plate", "zoo_plate:read", "A plate", licence="own", scheme="path")'
    hook = f"@zoo.hookimpl\ndef zoo_datasets():\n    yield {record}"
    install("zoo-plate", f"import zoo\n\n{hook}\n\ndef read(path):\n    return []\n")
    done = zoo_command("check", "zoo-plate", "--only", "examples")
    told = 'it needs an argument: zoo check plate:PATH, in tests conformance("plate:PATH")'
    assert done.stdout.splitlines()[0] == f"– dataset plate  examples: does not apply: {told}"


@pytest.mark.parametrize("name", ["bright", "zoo-bright"])
def test_a_plugin_that_does_not_import_is_told_why(install, zoo_command, name):
    install("zoo-bright", "import not_there")
    done = zoo_command("check", name)
    assert done.returncode == 1
    why = "ModuleNotFoundError: No module named 'not_there'"
    assert done.stderr.splitlines()[-1] == f"Error: plugin bright (zoo-bright 0.1): {why}"
