"""The convolutional models of torch_step.py in JAX: channels-last, which XLA's CPU backend prefers (on a GPU, XLA
chooses the layout of images).  Statistics and losses are f32 for any input dtype.

Each function returns (params, input, loss): loss(params, x, key) is a scalar.
"""

import jax
import jax.numpy as jnp

relu = jax.nn.relu
LAYOUT = ("NHWC", "HWIO", "NHWC")


def linear(key, fan_in, fan_out):
    bound = fan_in**-0.5
    return {"w": jax.random.uniform(key, (fan_in, fan_out), minval=-bound, maxval=bound), "b": jnp.zeros(fan_out)}


def apply(layer, x):
    return x @ layer["w"] + layer["b"]


def kernel(key, size, width, out):
    bound = (width * size * size) ** -0.5
    return jax.random.uniform(key, (size, size, width, out), minval=-bound, maxval=bound)


def conv(x, w, stride=1, padding=1):
    return jax.lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, dimension_numbers=LAYOUT)


def conv_transpose(x, w):
    """Kernel 3, stride 2, padding 1, output_padding 1: doubles the size."""
    return jax.lax.conv_general_dilated(x, w, (1, 1), [(1, 2), (1, 2)], lhs_dilation=(2, 2), dimension_numbers=LAYOUT)


def batch_norm(x, layer):
    wide = x.astype(jnp.float32)
    mean = jnp.mean(wide, (0, 1, 2))
    variance = jnp.mean(jnp.square(wide), (0, 1, 2)) - jnp.square(mean)
    return ((wide - mean) * (jax.lax.rsqrt(variance + 1e-5) * layer["scale"]) + layer["shift"]).astype(x.dtype)


def norm(width):
    return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}


def max_pool(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def conv_autoencoder(keys, batch):
    params = {
        "down1": kernel(next(keys), 3, 1, 32), "bias1": jnp.zeros(32),
        "down2": kernel(next(keys), 3, 32, 64), "bias2": jnp.zeros(64),
        "code": linear(next(keys), 3136, 64), "expand": linear(next(keys), 64, 3136),
        "up1": kernel(next(keys), 3, 64, 32), "bias3": jnp.zeros(32),
        "up2": kernel(next(keys), 3, 32, 1), "bias4": jnp.zeros(1),
    }  # fmt: skip

    def loss(p, x, _):
        y = relu(conv(x, p["down1"], 2) + p["bias1"])
        y = relu(conv(y, p["down2"], 2) + p["bias2"])
        y = relu(apply(p["code"], y.reshape(len(x), -1)))
        y = relu(apply(p["expand"], y)).reshape(len(x), 7, 7, 64)
        y = relu(conv_transpose(y, p["up1"]) + p["bias3"])
        logits = (conv_transpose(y, p["up2"]) + p["bias4"]).astype(jnp.float32)
        return jnp.mean(jnp.square(jax.nn.sigmoid(logits) - x))

    return params, jax.random.uniform(next(keys), (batch, 28, 28, 1)), loss


def rotnet(keys, batch):
    widths = [3, 32, 64, 128, 256]
    blocks = [{"w": kernel(next(keys), 3, a, b), "norm": norm(b)} for a, b in zip(widths, widths[1:])]

    def loss(p, x, _):
        y = x
        for block in p["blocks"]:
            y = max_pool(relu(batch_norm(conv(y, block["w"]), block["norm"])))
        logits = apply(p["head"], jnp.mean(y, (1, 2))).astype(jnp.float32)
        turns = jnp.arange(len(x)) % 4
        return jnp.mean(jax.nn.logsumexp(logits, 1) - logits[jnp.arange(len(x)), turns])

    return {"blocks": blocks, "head": linear(next(keys), 256, 4)}, jax.random.uniform(next(keys), (batch, 32, 32, 3)), loss


def nt_xent(z):
    """NT-Xent of 2N embeddings at temperature .5; row i and row i + N are two views of one image."""
    wide, n = z.astype(jnp.float32), len(z)
    z = (wide / jnp.linalg.norm(wide, axis=1, keepdims=True)).astype(z.dtype)
    similarity = jnp.where(jnp.eye(n, dtype=bool), -jnp.inf, (z @ z.T).astype(jnp.float32) / 0.5)
    positive = similarity[jnp.arange(n), (jnp.arange(n) + n // 2) % n]
    return jnp.mean(jax.nn.logsumexp(similarity, axis=1) - positive)


def residual(keys, width, out, stride):
    block = {"w1": kernel(next(keys), 3, width, out), "norm1": norm(out), "w2": kernel(next(keys), 3, out, out), "norm2": norm(out)}
    if stride != 1 or width != out:
        block |= {"skip": kernel(next(keys), 1, width, out), "norm3": norm(out)}
    return block


def apply_residual(block, x, stride):
    y = relu(batch_norm(conv(x, block["w1"], stride), block["norm1"]))
    skip = batch_norm(conv(x, block["skip"], stride, 0), block["norm3"]) if "skip" in block else x
    return relu(batch_norm(conv(y, block["w2"]), block["norm2"]) + skip)


def simclr(keys, batch):
    sizes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    params = {
        "stem": kernel(next(keys), 3, 3, 64), "norm": norm(64), "blocks": [residual(keys, *each) for each in sizes],
        "head1": linear(next(keys), 512, 512), "head2": linear(next(keys), 512, 128),
    }  # fmt: skip

    def loss(p, x, _):
        y = relu(batch_norm(conv(x, p["stem"]), p["norm"]))
        for block, (_, _, stride) in zip(p["blocks"], sizes):
            y = apply_residual(block, y, stride)
        return nt_xent(apply(p["head2"], relu(apply(p["head1"], jnp.mean(y, (1, 2))))))

    return params, jax.random.uniform(next(keys), (2 * batch, 32, 32, 3)), loss


NETS = {"conv_autoencoder": conv_autoencoder, "rotnet": rotnet, "simclr": simclr}
