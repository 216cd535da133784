"""One training step in JAX, jitted as a whole with donated state; the same protocol and models as torch_step.py.

    echo "run 200" | build/peers/venv/bin/python bench/peers/jax_step.py --step vae --batch 128 --threads 2
"""

import argparse
import os
import sys

from worker import serve

BETA1, BETA2, EPSILON, RATE = 0.9, 0.999, 1e-8, 1e-3


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", choices=["vae", "deep_autoencoder", "conv_autoencoder", "rotnet", "simclr", "nt_xent"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--losses", type=int, metavar="N", help="print N losses instead of serving, as a sanity check")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32", help="tf32, bf16: on a GPU")
    return parser.parse_args()


def prepare(options):
    """Prepares JAX for the device; on a GPU, matmuls and convolutions are exact f32 unless --precision is given."""
    if options.device == "cpu":
        # XLA sizes its pool by its processor affinity; no other switch is reliable.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        return
    os.environ |= {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    import jax

    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # AssertionError without text if JAX lacks CUDA
        sys.exit(f"JAX {jax.__version__} finds no GPU: {str(error) or 'it has no CUDA plugin'}".replace("\n", " "))
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if options.precision == "tf32" else "float32")


def main():
    options = parse()
    prepare(options)
    import jax
    import jax.numpy as jnp
    from jax_nets import NETS, apply, linear, nt_xent

    relu, float32 = jax.nn.relu, jnp.float32

    def vae_loss(params, x, key):
        mu, logvar = jnp.split(apply(params[1], relu(apply(params[0], x))).astype(float32), 2, axis=1)
        latent = mu + jax.random.normal(key, mu.shape) * jnp.exp(0.5 * logvar)
        logits = apply(params[3], relu(apply(params[2], latent.astype(x.dtype)))).astype(float32)
        bce = jnp.sum(jnp.maximum(logits, 0) - logits * x + jnp.log1p(jnp.exp(-jnp.abs(logits))))
        return bce - 0.5 * jnp.sum(1 + logvar - mu * mu - jnp.exp(logvar))

    def autoencoder_loss(params, x, key):
        y = x
        for i, layer in enumerate(params):
            y = apply(layer, y)
            if i not in (3, 7):
                y = relu(y)
        return jnp.mean((y.astype(float32) - x) ** 2)

    def adam(params, gradients, state):
        mean, square, count = state
        count = count + 1
        tree = jax.tree_util.tree_map
        mean = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, mean, gradients)
        square = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, square, gradients)
        rate = RATE / (1 - BETA1**count)
        scale = (1 - BETA2**count) ** -0.5
        params = tree(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * scale + EPSILON), params, mean, square)
        return params, (mean, square, count)

    keys = iter(jax.random.split(jax.random.PRNGKey(0), 64))
    x = jax.random.uniform(next(keys), (1 if options.step == "nt_xent" else options.batch, 784))
    if options.step == "vae":
        loss, widths = vae_loss, [(784, 400), (400, 40), (20, 400), (400, 784)]
        params = [linear(next(keys), *w) for w in widths]
    elif options.step == "deep_autoencoder":
        w = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
        loss, params = autoencoder_loss, [linear(next(keys), a, b) for a, b in zip(w, w[1:])]
    elif options.step in NETS:
        params, x, loss = NETS[options.step](keys, options.batch)
    else:
        loss = lambda z, *_: nt_xent(z)
        params = jax.random.normal(next(keys), (options.batch, 128))

    if options.precision == "bf16":  # matmuls, convolutions and activations; statistics, losses and state stay f32
        full = loss
        half = lambda tree: jax.tree_util.tree_map(lambda t: t.astype(jnp.bfloat16), tree)
        loss = lambda params, x, key: full(half(params), half(x), key)

    def train(params, state, key, x):
        key, noise = jax.random.split(key)
        value, gradients = jax.value_and_grad(loss)(params, x, noise)
        if options.step == "nt_xent":  # forward and backward only; the gradient is an output
            return params, gradients, key, value
        params, state = adam(params, gradients, state)
        return params, state, key, value

    compiled = jax.jit(train, donate_argnums=(0, 1))
    zeros = lambda: jax.tree_util.tree_map(jnp.zeros_like, params)
    state = zeros() if options.step == "nt_xent" else (zeros(), zeros(), jnp.zeros(()))
    now = [params, state, jax.random.PRNGKey(1)]

    def step():
        *now[:], value = compiled(*now, x)
        return value

    def wait(value):
        jax.block_until_ready((now, value))

    def about():
        memory = jax.devices()[0].memory_stats()  # None on a processor
        return {"version": jax.__version__} | ({"peak_mb": memory["peak_bytes_in_use"] / 2**20} if memory else {})

    if options.losses:
        print(*[f"{float(step()):.6g}" for _ in range(options.losses)])
    else:
        serve(step, wait, about)


if __name__ == "__main__":
    main()
