"""Every generator keeps the contract, and one that does not is caught."""

import math
import re

import keras
import pytest
import tensorflow as tf
from keras import layers

import zoo
from zoo.errors import UsageError
from zoo.gan import GAN
from zoo.plugins import records
from zoo.testing import CHECKS, CORE, check_generator
from zoo.testing.case import small

GENERATORS = {record.name: record for record in records("generators")}


OWN_NETWORKS = ("dcgan", "cgan", "stylegan-lite")  # the others train dcgan's


@pytest.mark.parametrize("check", CORE)
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in OWN_NETWORKS else [pytest.mark.slow]) for n in GENERATORS],
)
def test_a_generator_keeps_the_core_of_the_contract(name, check):
    check_generator(GENERATORS[name], checks=[check], **small(GENERATORS[name]))


@pytest.mark.slow
@pytest.mark.parametrize("check", [check for check in CHECKS if check not in CORE])
@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_keeps_the_rest_of_the_contract(name, check, tmp_path):
    record = GENERATORS[name]
    check_generator(record, checks=[check], folder=tmp_path, **small(record))


class Tiny(GAN):
    """The least that a generator is: two linear maps."""

    def build_generator(self):
        latents = keras.Input((self.latent_dim,), name="latents")
        return keras.Model(latents, self.draw(latents))

    def draw(self, x):
        pixels = layers.Dense(math.prod(self.image_shape), activation="tanh")(x)
        return layers.Reshape(self.image_shape)(pixels)

    def build_discriminator(self):
        images = keras.Input(self.image_shape, name="images")
        return keras.Model(images, layers.Dense(1)(layers.Flatten()(images)))


class UntrainedGenerator(Tiny):
    def generator_loss(self, fake_logits):
        return 0.0 * keras.ops.mean(fake_logits)


class UntrainedAverage(Tiny):
    def update_average(self):
        pass


class Uncounted(Tiny):
    def train_step(self, batch):
        logs = super().train_step(batch)
        self.step.assign_sub(1)
        return logs


class Unlogged(Tiny):
    def train_step(self, batch):
        return {"loss": super().train_step(batch)["d_loss"]}


class Infinite(Tiny):
    def discriminator_loss(self, real_logits, fake_logits):
        return keras.ops.log(0.0 * keras.ops.mean(real_logits))


class Turned(Tiny):
    def draw(self, x):
        return layers.Permute((2, 1, 3))(super().draw(x))


class GreyLevels(Tiny):
    def draw(self, x):
        return layers.Rescaling(127.5, offset=127.5)(super().draw(x))


class Sigmoid(Tiny):
    def draw(self, x):
        return layers.Activation("sigmoid")(super().draw(x))


class TwoLogits(Tiny):
    def build_discriminator(self):
        images = keras.Input(self.image_shape, name="images")
        return keras.Model(images, layers.Dense(2)(layers.Flatten()(images)))


class SeedNotPassedOn(Tiny):
    def __init__(self, image_shape, *, seed=0, **options):
        super().__init__(image_shape, **options)


class SeededLayers(Tiny):
    def draw(self, x):
        fixed = keras.initializers.RandomNormal(seed=1)
        x = layers.Dense(math.prod(self.image_shape), kernel_initializer=fixed)(x)
        return layers.Reshape(self.image_shape)(x)


class UnseededNoise(Tiny):
    def training_inputs(self, n, *, part=0):
        return {"latents": tf.random.normal((n, self.latent_dim))}


class SameNoise(Tiny):
    def training_inputs(self, n, *, part=0):
        seed = tf.stack([self.seed, part])
        return {"latents": tf.random.stateless_normal((n, self.latent_dim), seed)}


class SameNoiseForEverySeed(Tiny):
    def training_inputs(self, n, *, part=0):
        seed = tf.stack([0, tf.cast(self.step, "int32") + part])
        return {"latents": tf.random.stateless_normal((n, self.latent_dim), seed)}


class StatefulNoise(Tiny):
    """Draws from a generator whose state no checkpoint holds."""

    def __init__(self, image_shape, **options):
        super().__init__(image_shape, **options)
        self.noise = tf.random.Generator.from_seed(self.seed)

    def training_inputs(self, n, *, part=0):
        return {"latents": self.noise.normal((n, self.latent_dim))}


class Centred(layers.Layer):
    def call(self, x):
        return x - keras.ops.mean(x, axis=0)


class LooksAtTheBatch(Tiny):
    def draw(self, x):
        return super().draw(Centred()(x))


class Fixed(Tiny):
    def draw(self, x):
        return super().draw(layers.Rescaling(0.0)(x))


class Unregistered(Tiny):
    def draw(self, x):
        class Half(layers.Layer):
            def call(self, x):
                return x / 2

        return super().draw(Half()(x))


class Unaugmented(Tiny):
    def train_step(self, batch):
        augment, self.augment = self.augment, lambda images, draws: images
        logs = super().train_step(batch)
        self.augment = augment
        return logs


class AugmentedAfterAll(Tiny):
    augmentable = False

    def compile(self, *, augment="none", **options):
        self.augmentable = True
        super().compile(augment=augment, **options)


class NeedsNoLabels(Tiny):
    def build_generator(self):
        latents = keras.Input((self.latent_dim,), name="latents")
        labels = keras.Input((), dtype="int32", name="labels")
        merged = layers.Add()([latents, layers.Embedding(4, self.latent_dim)(labels)])
        return keras.Model({"latents": latents, "labels": labels}, self.draw(merged))


class OtherUnderXLA(Tiny):
    def generator_loss(self, fake_logits):
        noise = tf.random.stateless_uniform((), (1, 2), alg="auto_select")
        return (1.0 + noise) * super().generator_loss(fake_logits)


class NoOptions(Tiny):
    def compile(self, *, batch_size=32, augment="none"):
        super().compile(batch_size=batch_size, augment=augment)


def test_the_least_generator_passes_every_check(tmp_path):
    check_generator(Tiny, folder=tmp_path, latent_dim=4)


@pytest.mark.parametrize(
    ("wrong", "check", "message"),
    [
        (UntrainedGenerator, "step", "train_step does not change the generator"),
        (UntrainedAverage, "step", "call self.update_average()"),
        (Uncounted, "step", "end it with self.step.assign_add(1)"),
        (Unlogged, "step", "returns no d_loss"),
        (Infinite, "step", "d_loss is -inf"),
        (Turned, "networks", "Turned at (32, 48, 1): build_generator's network makes images of"),
        (GreyLevels, "range", "the generator's first images reach 1"),
        (Sigmoid, "range", "end the network in tanh, not in sigmoid or relu"),
        (TwoLogits, "networks", "gives (2, 2) for 2 images, not one logit for each"),
        (LooksAtTheBatch, "networks", "image i of a seed depends on how many are asked for"),
        (Fixed, "networks", "the latents change nothing"),
        (SeedNotPassedOn, "seed", "seeds 0 and 1 build the same generator; pass seed to super()"),
        (SeededLayers, "seed", "leave initialisers without a seed"),
        (UnseededNoise, "seed", "equal seeds train to other"),
        (SameNoise, "seed", "steps 0 and 1 draw the same random numbers"),
        (SameNoiseForEverySeed, "seed", "from equal weights, seeds 0 and 1 train alike"),
        (StatefulNoise, "resume", "6 steps, and 3 resumed for 3 more, give other"),
        (Unregistered, "save", "generator.keras does not load; give own layers get_config"),
        (Unaugmented, "augment", "pass real and generated ones through self.augment"),
        (AugmentedAfterAll, "augment", "states augmentable = False and takes augment=diffaugment"),
        (OtherUnderXLA, "xla", "draw them outside of the networks and the losses"),
        (NoOptions, "record", "NoOptions.compile takes no jit_compile: end its signature with"),
    ],
)
def test_a_wrong_generator_is_caught(wrong, check, message, tmp_path):
    with pytest.raises(AssertionError, match=re.escape(message)) as raised:
        check_generator(wrong, checks=[check], folder=tmp_path, latent_dim=4)
    assert f"{wrong.__name__}, check {check!r}" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    ("wrong", "conditional", "message"),
    [
        (Tiny, "optional", "classes 0 and 1 look the same"),
        (NeedsNoLabels, "optional", "the discriminator does not look at the labels"),
        (NeedsNoLabels, "required", 'states conditional="required" and is built without classes'),
    ],
)
def test_a_wrong_conditional_generator_is_caught(wrong, conditional, message):
    record = zoo.Generator("wrong", f"{__name__}:{wrong.__name__}", conditional=conditional)
    with pytest.raises(AssertionError, match=message):
        check_generator(record, checks=["labels"], latent_dim=4)


OPTIONS = """
from zoo.gan import GAN

class Wrong(GAN):
    \"\"\"A generator.

    Args:
        image_shape: (H, W, C).
        width: Channels.
    \"\"\"

    def __init__(self, image_shape, *, {signature}, **options):
        {body}
        super().__init__(image_shape, **options)
"""


@pytest.mark.parametrize(
    ("signature", "body", "message"),
    [
        ("width: int = 4", "", None),
        ("width=4", "", "option width has no type; write width: int = 32 or such"),
        ("width: int", "", "option width has no default"),
        ("depth: int = 4", "", "option depth has no description; add it to Args:"),
        ("width: int = 4", "self.depth = options.pop('depth', 3)", "takes 'depth' out of **option"),
        ("width: int = 4", "self.depth = options['depth']", "takes 'depth' out of **options"),
        ("width: int = 4", "options['seed'] = options.get('seed', 3)", None),
    ],
)
def test_options_that_users_cannot_see_are_caught(
    signature, body, message, tmp_path, monkeypatch, request
):
    module = f"wrong_{abs(hash(request.node.name))}"
    (tmp_path / f"{module}.py").write_text(OPTIONS.format(signature=signature, body=body))
    monkeypatch.syspath_prepend(str(tmp_path))
    record = zoo.Generator("wrong", f"{module}:Wrong")
    if message is None:
        check_generator(record, checks=["options"])
        return
    with pytest.raises(AssertionError, match=re.escape(message)):
        check_generator(record, checks=["options"])


def test_what_is_no_generator_is_told():
    with pytest.raises(AssertionError, match="no subclass of zoo"):
        check_generator(dict)
    with pytest.raises(UsageError, match="Tiny has no options widht"):
        check_generator(Tiny, widht=4)
    with pytest.raises(UsageError, match="no check 'speed'; choose from record, options"):
        check_generator(Tiny, checks=["speed"])
