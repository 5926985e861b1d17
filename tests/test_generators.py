"""What is stated of every generator, against its code."""

import pytest

from zoo.errors import UsageError
from zoo.plugins import records
from zoo.settings import PRESETS
from zoo.signatures import options

GENERATORS = list(records("generators"))


@pytest.mark.parametrize("record", GENERATORS, ids=lambda record: record.name)
def test_a_generator_states_its_paper_licence_and_sizes(record):
    assert record.paper
    assert record.licence
    assert [size.side for size in record.sizes] == [64, 128, 256]
    assert all(size.memory_mb > 0 for size in record.sizes)
    assert set(record.presets) == set(PRESETS)


@pytest.mark.parametrize("record", GENERATORS, ids=lambda record: record.name)
def test_the_stated_parameters_are_those_of_the_networks(record):
    labels = {"classes": 4} if record.conditional == "required" else {}
    size = record.sizes[0]
    gan = record.load()((size.side, size.side, 1), **labels)
    assert size.parameters == gan.generator.count_params() + gan.discriminator.count_params()


@pytest.mark.parametrize("record", GENERATORS, ids=lambda record: record.name)
def test_every_option_of_a_generator_is_described(record):
    assert not [option.name for option in options(record).values() if not option.description]


@pytest.mark.parametrize("record", GENERATORS, ids=lambda record: record.name)
def test_a_generator_is_loaded_by_name_with_classes_where_it_takes_them(record):
    from zoo import load

    size = {"image_shape": (32, 32, 1), "width": 8}
    if record.conditional == "no":
        with pytest.raises(UsageError, match=r"no option of .* .classes."):
            load("generator", record.name, classes=3, **size)
    else:
        assert load("generator", record.name, classes=3, **size).classes == 3
