"""A run's values: where each comes from, in what type, and what wrong ones are answered."""

import inspect

import pytest
import yaml

import zoo
from zoo import catalog, plugins, settings, signatures
from zoo.errors import UsageError, ZooError
from zoo.recipe import Recipe, resolve
from zoo.values import annotation_of, convert

PLUGIN = """
import zoo

@zoo.hookimpl
def zoo_generators():
    yield zoo.Generator("mygan", "zoo_my.model:MyGAN", presets={"quick": {"kimg": 60, "width": 8}})
    yield zoo.Generator("nosource", "zoo_my:build")

@zoo.hookimpl
def zoo_datasets():
    yield zoo.Dataset("cells", "zoo_my:cells")
    yield zoo.Dataset("dir", "zoo_my:cells", scheme="path")
    yield zoo.Dataset("any", "", alias=("cells", "dir"))

@zoo.hookimpl
def zoo_recipes():
    yield {"name": "mygan.cells-32", "generator": "mygan", "data": "cells", "seed": 5,
           "image_size": 32, "steps": 10, "options": {"width": 12, "learning_rate": 0.1}}
    yield {"name": "mygan.any-64", "generator": "mygan", "data": "any"}
"""

MODEL = '''
from typing import Literal, Optional

from zoo.gan import GAN

START = 16


class MyGAN(GAN):
    """Mine.

    Args:
        image_shape: (H, W, C).
        width: Channels,
            of the first layer.
        **kwargs: Passed on.
    """

    def __init__(self, image_shape, *, width: int = START, kernel: tuple[int, int] = (3, 3),
                 name: Optional[str] = None, **kwargs):
        super().__init__(image_shape, **kwargs)

    def compile(self, *, loss: Literal["hinge", "wgan"] = "hinge", clip: float | None = None,
                **kwargs):
        """Train.

        Args:
            clip: Largest weight.
        """
        super().compile(loss=loss, **kwargs)
'''


@pytest.fixture(autouse=True)
def installed(site, monkeypatch):
    """Our plugins and one with a generator that inherits from `zoo.gan.GAN`."""
    package, info = site / "zoo_my", site / "zoo_my-1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "__init__.py").write_text(PLUGIN)
    (package / "model.py").write_text(MODEL)
    (info / "METADATA").write_text("Name: zoo-my\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nmy = zoo_my\n")
    monkeypatch.syspath_prepend(str(site))
    for name in [f"ZOO_{name.upper()}" for name in settings.SETTINGS]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("zoo.layers.has_gpu", lambda: False)
    plugins.registry.cache_clear()
    yield
    plugins.registry.cache_clear()


def given(**values):
    return resolve("mygan", "cells", settings=values)


def test_options_of_a_package_installed_after_it_was_looked_for_are_read(tmp_path, monkeypatch):
    late = zoo.Generator("late", "zoo_late.model:Late")
    with pytest.raises(ZooError, match=r"there is no source of zoo_late\.model"):
        signatures.options(late)
    (tmp_path / "zoo_late").mkdir()
    (tmp_path / "zoo_late" / "__init__.py").touch()
    (tmp_path / "zoo_late" / "model.py").write_text(MODEL.replace("MyGAN", "Late"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "clip" in signatures.options(late)


def test_options_are_read_from_the_source_of_the_class_and_its_bases():
    options = signatures.options(plugins.find("generators", "mygan"))
    assert [o for o in options if options[o].stage == "network"] == [
        "width",
        "kernel",
        "name",
        "latent_dim",
        "precision",
    ]
    assert options["width"].default == 16
    assert options["width"].description == "Channels, of the first layer."
    assert options["loss"].annotation == "Literal['hinge', 'wgan']"
    assert options["clip"].description == "Largest weight."
    assert {"learning_rate", "ema_decay"} <= set(options)
    assert not {"self", "image_shape", "seed", "kwargs"} & set(options)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        ("int", "64", 64),
        ("float", "2e-4", 2e-4),
        ("float", "1", 1.0),
        ("float | None", "none", None),
        ("Optional[float]", "0.5", 0.5),
        ("bool", "off", False),
        ("bool", "True", True),
        ("str", "on", "on"),
        ("bool | Literal['auto']", "auto", "auto"),
        ("Literal['a', 2]", "2", 2),
        ("tuple[int, int]", "3x4", (3, 4)),
        ("tuple[float, ...]", "(1, 2.5)", (1.0, 2.5)),
        ("tuple[typing.Literal['pixels', 'lbp'], ...]", "pixels,lbp", ("pixels", "lbp")),
        ("str | int", "7", 7),
        ("'int'", "7", 7),
    ],
)
def test_text_becomes_what_the_annotation_states(annotation, text, value):
    converted = convert(text, annotation, key="x")
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "message"),
    [
        ("int", "3.5", "x=3.5: expected whole number"),
        ("float", "fast", "x=fast: expected number"),
        ("float", "nan", "x=nan: expected number"),
        ("bool", "maybe", "x=maybe: expected on or off"),
        ("Literal['hinge', 'bce']", "hing", "x=hing: expected hinge or bce; did you mean hinge?"),
        ("tuple[int, int]", "3", "x=3: expected list of whole number, whole number"),
        ("tuple[Literal['lbp'], ...]", "lbq", "x=lbq: expected list of lbp; did you mean lbp?"),
        ("int | None", "few", "x=few: expected whole number or none"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_what_is_expected(annotation, text, message):
    with pytest.raises(UsageError) as raised:
        convert(text, annotation, key="x")
    assert str(raised.value) == message


def test_python_values_are_checked_as_strictly_as_text():
    assert convert(3, "float", key="x") == 3.0
    for value, annotation in [(True, "int"), (3.5, "int"), ("x", "bool"), (None, "int")]:
        with pytest.raises(UsageError):
            convert(value, annotation, key="x")


def test_each_source_outranks_those_below_it(tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text("seed: 1\nthreads: 2\n")
    recipe = given()
    assert (recipe.settings["seed"], recipe.origins["seed"]) == (0, "default")
    recipe = resolve("mygan", "cells", user_config=config)
    assert (recipe.settings["seed"], recipe.origins["seed"]) == (1, str(config))
    monkeypatch.setenv("ZOO_SEED", "2")
    recipe = resolve("mygan", "cells", user_config=config)
    assert (recipe.settings["seed"], recipe.origins["seed"]) == (2, "ZOO_SEED")
    recipe = resolve("mygan.cells-32", user_config=config)
    assert (recipe.settings["seed"], recipe.origins["seed"]) == (5, "recipe mygan.cells-32")
    recipe = resolve("mygan.cells-32", settings={"seed": "9"}, user_config=config)
    assert (recipe.settings["seed"], recipe.origins["seed"]) == (9, "command line")
    assert (recipe.settings["threads"], recipe.origins["threads"]) == (2, str(config))


def test_a_generator_s_own_preset_gives_budget_and_options():
    recipe = given()
    assert recipe.budget == {"kimg": 60.0}
    assert recipe.options["width"] == 8
    assert recipe.origins["kimg"] == recipe.origins["options.width"] == "preset quick"
    assert recipe.origins["preset"] == "default on a CPU"
    full = given(preset="full")
    assert full.budget == {"kimg": settings.PRESETS["full"]["kimg"]}
    assert full.options["width"] == 16


def test_full_is_the_preset_on_a_gpu_unless_the_cpu_is_asked_for(monkeypatch):
    monkeypatch.setattr("zoo.layers.has_gpu", lambda: True)
    assert given().settings["preset"] == "full"
    assert given(device="cpu").settings["preset"] == "quick"


def test_one_budget_replaces_another_of_a_lower_source(monkeypatch):
    assert given(steps="7").budget == {"steps": 7}
    monkeypatch.setenv("ZOO_MINUTES", "3")
    assert given().budget == {"minutes": 3.0}
    assert resolve("mygan.cells-32").budget == {"steps": 10}
    with pytest.raises(UsageError, match="not steps and kimg"):
        given(steps=1, kimg=1)


def test_a_named_recipe_brings_its_data_and_options_which_the_command_line_may_change():
    recipe = resolve("mygan.cells-32")
    assert (recipe.generator, recipe.data) == ("mygan", "cells")
    assert recipe.options["width"] == 12
    assert recipe.origins["data"] == "recipe mygan.cells-32"
    assert recipe.settings["image_size"] == (32, 32)
    changed = resolve("mygan.cells-32", "dir:/tmp", options={"width": "20"})
    assert (changed.data, changed.options["width"]) == ("dir:/tmp", 20)
    assert changed.origins["options.width"] == changed.origins["data"] == "command line"


def test_a_recipe_that_names_an_alias_is_refused_while_a_person_may():
    assert resolve("mygan", "any").data == "any"
    with pytest.raises(ZooError, match="alias any; it must name one of cells, dir"):
        resolve("mygan.any-64")


@pytest.mark.parametrize(
    ("name", "argument"),
    [("cells:a:b", "a:b"), ("zoo-cells:cells:a", "a"), ("cells", ""), ("zoo-cells:cells", "")],
)
def test_what_follows_a_dataset_s_name_is_its_argument_also_behind_the_package(name, argument):
    assert zoo.Dataset("cells", "", scheme="path").argument(name) == argument


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mygam", "cells"), "did you mean mygan?"),
        (("mygan.cell-32", "cells"), "did you mean mygan.cells-32?"),
        (("mygan", "cell"), "did you mean cells?"),
        (("mygan",), "--data is missing"),
        (("mygan", "dir"), "dir needs an argument: dir:ARGUMENT"),
    ],
)
def test_unknown_names_come_with_the_choices_and_the_closest(arguments, message):
    with pytest.raises(UsageError) as raised:
        resolve(*arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seed": "-1"}, "seed=-1: expected at least 0"),
        ({"seed": 2**31 - 2**21}, "expected at most 2145386495"),
        ({"kimg": "0"}, "kimg=0: expected above 0"),
        ({"min_foreground": "2"}, "min_foreground=2: expected at most 1"),
        ({"jit": "yes"}, "jit=yes: expected auto or on or off"),
        ({"image_size": "64by64"}, "image_size=64by64: expected 64 or 64x96"),
        (
            {"image_size": "60"},
            "image_size=60x60 does not suit mygan: its sides are multiples of 8",
        ),
        ({"image_size": "512"}, "from 32 to 256 px"),
        ({"sed": "1"}, "did you mean seed?"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(UsageError) as raised:
        given(**values)
    assert message in str(raised.value)


def test_a_wrong_value_is_blamed_on_its_source(tmp_path, monkeypatch):
    config = tmp_path / "config.yaml"
    config.write_text("sed: 3\n")
    with pytest.raises(UsageError, match=r"config.yaml: no setting 'sed'.*did you mean seed\?"):
        resolve("mygan", "cells", user_config=config)
    monkeypatch.setenv("ZOO_SEED", "many")
    with pytest.raises(UsageError, match="ZOO_SEED: seed=many: expected whole number"):
        given()


def test_an_unknown_option_comes_with_the_choices_and_the_closest():
    with pytest.raises(UsageError) as raised:
        resolve("mygan", "cells", options={"widht": "3"})
    assert str(raised.value).startswith("no option of mygan 'widht'; choose from ada_kimg, ")
    assert str(raised.value).endswith("did you mean width?")


def test_a_generator_whose_options_cannot_be_read_is_told():
    with pytest.raises(ZooError, match="options cannot be read: zoo_my defines no class build"):
        resolve("nosource", "cells")


def test_a_saved_recipe_is_the_same_recipe():
    recipe = resolve("mygan", "dir:/x", settings={"image_size": "64x96"}, options={"kernel": "5x5"})
    held = yaml.safe_load(yaml.safe_dump(recipe.to_dict()))
    again = Recipe.from_dict(held)
    assert again.settings == recipe.settings
    assert again.origins == recipe.origins
    assert again.differences(recipe) == recipe.differences(again) == []
    with pytest.raises(ZooError, match="the recipe is damaged"):
        Recipe.from_dict({"generator": "mygan"})


def held(**changes):
    recipe = resolve("mygan", "cells").to_dict()
    return {**recipe, **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": {"seed": 0}}, "damaged: its settings lack split_seed, preset, image_size, "),
        ({"settings": {"seed": "x"}}, "damaged: seed=x: expected whole number"),
        ({"settings": 3}, "the recipe is damaged"),
        ({"options": {"widht": 3}}, "the recipe: no option of mygan 'widht'"),
        ({"options": {"width": "big"}}, "the recipe: width=big: expected whole number"),
    ],
)
def test_a_saved_recipe_is_checked_like_a_typed_one(changes, message):
    with pytest.raises(ZooError) as raised:
        Recipe.from_dict(held(**changes))
    assert message in str(raised.value)


def test_a_saved_recipe_without_a_budget_is_damaged():
    settings = held()["settings"]
    del settings["kimg"]
    with pytest.raises(ZooError, match="its settings lack one of steps, kimg, epochs, minutes"):
        Recipe.from_dict(held(settings=settings))


def test_a_resumed_run_takes_other_settings_that_leave_its_weights_alone():
    recipe = given(seed=3)
    changed = recipe.adjusted({"seed": "3", "eval": False, "threads": "2", "out": "elsewhere"})
    assert (changed.settings["eval"], changed.settings["threads"]) == (False, 2)
    assert changed.settings["out"] == "runs"
    assert changed.origins["threads"] == "command line"
    assert changed.origins["device"] == "default"
    assert changed.differences(recipe) == []


def test_a_resumed_run_cannot_change_its_preset():
    assert given().contradictions({"preset": "full"}, {}) == ["preset: quick, not full"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inception_layer": "mixed9"}, "no InceptionV3 layer 'mixed9'"),
        ({"inception_weights": "none.h5"}, "no InceptionV3 weights at"),
    ],
)
def test_wrong_weights_are_refused_before_anything_is_trained(values, message):
    with pytest.raises(UsageError, match=message):
        given(**values)
    with pytest.raises(UsageError, match=message):
        given().adjusted(values)


def test_weights_that_do_not_reach_the_layer_are_refused_before_anything_is_trained(tmp_path):
    import h5py

    with h5py.File(tmp_path / "mixed8.h5", "w") as file:
        file.attrs["layer_names"] = [f"conv2d_{i}" for i in range(76)]
    weights = {"inception_weights": str(tmp_path / "mixed8.h5")}
    with pytest.raises(UsageError, match=r"reaches mixed8 only.*add --inception-layer mixed8"):
        given(**weights)
    assert given(**weights, inception_layer="mixed8").settings["inception_layer"] == "mixed8"


def test_a_path_in_the_name_of_the_data_means_the_same_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "cells").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve("mygan", "dir:cells").data == f"dir:{tmp_path}/cells"
    assert resolve("mygan", "zoo-my:dir:cells").data == f"zoo-my:dir:{tmp_path}/cells"
    assert resolve("mygan", "dir:owner/cells").data == "dir:owner/cells"


def test_differences_name_what_changes_the_weights_and_nothing_else():
    recipe = resolve("mygan", "cells")
    other = resolve(
        "mygan", "cells", settings={"seed": 1, "out": "x", "threads": 4}, options={"width": 9}
    )
    assert recipe.differences(other) == ["seed: 0, not 1", "-o width: 8, not 9"]
    assert recipe.contradictions({"seed": "0", "out": "x"}, {}) == []
    assert recipe.contradictions({"steps": "5"}, {}) == [
        "kimg: 60, not none",
        "steps: none, not 5",
    ]


def test_the_description_shows_every_value_with_its_origin():
    lines = [line.split() for line in given(seed=3).describe()]
    assert ["seed", "3", "command", "line"] in lines
    assert ["image_size", "64x64", "default"] in lines
    assert ["-o", "width", "8", "preset", "quick"] in lines


def test_the_resolved_name_replaces_the_alias():
    recipe = resolve("mygan", "any").with_data("cells", "any: prepared")
    assert (recipe.data, recipe.origins["data"]) == ("cells", "any: prepared")


def write(path, recipes):
    path.write_text(yaml.safe_dump({"recipes": recipes}))
    return path


def test_of_equal_recipe_names_the_registry_file_wins_then_the_user_then_plugins(tmp_path):
    facts = {"generator": "mygan", "data": "cells"}
    name = "mygan.cells-32"
    user = write(tmp_path / "user.yaml", {name: {**facts, "seed": 6}})
    file = write(tmp_path / "mine.yaml", {name: {**facts, "seed": 7}})
    assert catalog.recipes()[name].settings["seed"] == 5
    assert catalog.recipes(user=user)[name].settings["seed"] == 6
    assert catalog.recipes(registry=file, user=user)[name].settings["seed"] == 7
    assert catalog.recipes(user=tmp_path / "none.yaml")[name].settings["seed"] == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recipes: {x: {generator: g", "is damaged: "),
        ("- 1", "it holds no mapping"),
        ("recipes: [1]", "its recipes are no mapping"),
        ("recipes: {x: {data: cells}}", "recipe x: generator is missing"),
        ("recipes: {x: 3}", "recipe x: expected a mapping"),
        (
            "recipes: {x: {generator: mygan, data: cells, options: {learning_rate: 2e-4}}}",
            "recipe x: YAML reads learning_rate: 2e-4 as text; write 2.0e-4",
        ),
        ("!!python/object/apply:os.getcwd []", "is damaged: could not determine a constructor"),
    ],
)
def test_a_damaged_registry_is_told_in_one_line(tmp_path, text, message):
    file = tmp_path / "registry.yaml"
    file.write_text(text)
    with pytest.raises(ZooError) as raised:
        catalog.recipes(registry=file)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_registry_file_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="no registry"):
        catalog.recipes(registry=tmp_path / "none.yaml")


def own_recipes():
    return catalog.read_mapping(catalog.shipped()).get("recipes") or {}


@pytest.mark.parametrize("name", own_recipes())
def test_every_recipe_of_ours_resolves(name):
    assert resolve(name).origins["generator"] == f"recipe {name}"


def test_every_generator_of_ours_has_a_recipe():
    entries = plugins.registry().usable("generators")
    ours = {entry.name for entry in entries if entry.plugin.package == "zoo"}
    assert ours <= {facts["generator"] for facts in own_recipes().values()}


@pytest.mark.parametrize("stated", [int, "int"])
def test_a_postponed_annotation_is_read_as_any_other(stated):
    kind = inspect.Parameter.KEYWORD_ONLY
    assert annotation_of(inspect.Parameter("width", kind, annotation=stated)) == "int"


def test_load_refuses_wrong_names_before_a_framework_is_imported():
    with pytest.raises(UsageError, match=r"no kind 'dataste'.*did you mean dataset"):
        zoo.load("dataste", "x")
    with pytest.raises(UsageError, match="did you mean mygan"):
        zoo.load("generator", "mygann")
    with pytest.raises(UsageError, match="did you mean width"):
        zoo.load("generator", "mygan", image_shape=(64, 64, 1), widht=3)
    with pytest.raises(UsageError, match="no run folder"):
        zoo.load("run", "not/there")
