"""One JAX process that times the training step of examples/fashion_mnist, jitted
whole, the state donated.

usage: peer_jax.py SECONDS; one thread: pin the process to one core
prints what timing.report says
"""
import functools
import sys

import jax
import jax.numpy as jnp
import timing


def loss(weights, image, label):
    x = image.reshape(64, 784).astype(jnp.float32) / 255
    x = jax.nn.relu(x @ weights["w1"] + weights["b1"])
    logits = jax.nn.log_softmax(x @ weights["w2"] + weights["b2"])
    return -jnp.mean(jnp.take_along_axis(logits, label[:, None], axis=1))


@functools.partial(jax.jit, donate_argnums=0)
def step(state, image, label):
    weights, first, second, count = state
    value, gradient = jax.value_and_grad(loss)(weights, image, label)
    count += 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    rate = 1e-3 / (1 - 0.9**count)
    correction = 1 / jnp.sqrt(1 - 0.999**count)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * correction + 1e-8), weights, first, second)
    return (weights, first, second, count), value


def main():
    keys = jax.random.split(jax.random.key(0), 4)
    weights = {"w1": jax.random.normal(keys[0], (784, 128)) * 0.02, "b1": jnp.zeros(128),
               "w2": jax.random.normal(keys[1], (128, 10)) * 0.05, "b2": jnp.zeros(10)}
    image = jax.random.randint(keys[2], (64, 28, 28), 0, 256).astype(jnp.uint8)
    label = jax.random.randint(keys[3], (64,), 0, 10)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.zeros_like, weights), jnp.float32(0))

    def train():
        nonlocal state
        state, value = step(state, image, label)
        value.block_until_ready()

    timing.report(train, float(sys.argv[1]), jax.__version__)


if __name__ == "__main__":
    main()
