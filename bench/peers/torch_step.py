"""Times one training step in PyTorch on request.

A long-lived worker (worker.py has the protocol).  By hand:

    echo "run 200" | bench/peers/tuned /usr/bin/python3 bench/peers/torch_step.py --step vae --batch 128 --threads 2

f32 (on a GPU also TF32 and bf16), Adam at 1e-3, one fixed random batch: the step excludes data loading.
"""

import argparse
import gc
import math
import sys

import torch
import torch.nn.functional as F
from torch import nn
from worker import serve, timed


class Vae(nn.Module):
    """784-400-20-400-784.  The two heads are one layer, which is faster."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.heads = nn.Linear(400, 40)
        self.expand = nn.Linear(20, 400)
        self.logits = nn.Linear(400, 784)

    def forward(self, x):
        mu, logvar = self.heads(F.relu(self.hidden(x))).chunk(2, dim=1)
        latent = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        logits = self.logits(F.relu(self.expand(latent)))
        bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu * mu - logvar.exp())
        return bce + kl


class DeepAutoencoder(nn.Module):
    """784-1000-500-250-30 and back, mean squared error."""

    def __init__(self):
        super().__init__()
        widths = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, x):
        y = x
        for i, layer in enumerate(self.layers):
            y = layer(y)
            if i not in (3, 7):  # the code and the output are linear
                y = F.relu(y)
        return F.mse_loss(y, x)


class ConvAutoencoder(nn.Module):
    """1x28x28: two strided convolutions, a code of 64, two transposed convolutions, sigmoid, mean squared error."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(1, 32, 3, stride=2, padding=1)
        self.down2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.code = nn.Linear(64 * 49, 64)
        self.expand = nn.Linear(64, 64 * 49)
        self.up1 = nn.ConvTranspose2d(64, 32, 3, stride=2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(32, 1, 3, stride=2, padding=1, output_padding=1)

    def forward(self, x):
        y = F.relu(self.down2(F.relu(self.down1(x))))
        y = self.expand(F.relu(self.code(y.flatten(1))))
        y = F.relu(y).view(-1, 64, 7, 7)
        return F.mse_loss(torch.sigmoid(self.up2(F.relu(self.up1(y)))), x)


class RotNet(nn.Module):
    """3x32x32: four blocks of convolution, batch norm, relu, max-pool; global average; classifies four rotations."""

    def __init__(self):
        super().__init__()
        blocks, width = [], 3
        for out in (32, 64, 128, 256):
            blocks += [nn.Conv2d(width, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)]
            blocks += [nn.ReLU(True), nn.MaxPool2d(2)]
            width = out
        self.trunk = nn.Sequential(*blocks)
        self.head = nn.Linear(256, 4)

    def forward(self, x):
        turns = torch.arange(len(x), device=x.device) % 4
        return F.cross_entropy(self.head(self.trunk(x).mean((2, 3))), turns)


class Residual(nn.Module):
    """ResNet's basic block."""

    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out)
        self.skip = nn.Sequential()
        if stride != 1 or width != out:
            self.skip = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.skip(x), inplace=True)


def nt_xent(z, temperature=0.5):
    """NT-Xent of 2N embeddings; row i and row i + N are two views of one image."""
    z = F.normalize(z)
    similarity = z @ z.t() / temperature
    similarity.fill_diagonal_(-math.inf)
    partner = torch.arange(len(z), device=z.device).roll(len(z) // 2)
    return F.cross_entropy(similarity, partner)


class SimClr(nn.Module):
    """ResNet-18 with the CIFAR stem, head 512-512-128, NT-Xent over both views of the batch."""

    def __init__(self):
        super().__init__()
        layers, width = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)], 64
        for out, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [Residual(width, out, stride), Residual(out, out, 1)]
            width = out
        self.backbone = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(512, 512), nn.ReLU(True), nn.Linear(512, 128))

    def forward(self, x):
        return nt_xent(self.head(self.backbone(x).mean((2, 3))))


class Embeddings(nn.Module):
    """NT-Xent alone: 2N embeddings of size 128 as the only parameter."""

    def __init__(self, rows):
        super().__init__()
        self.z = nn.Parameter(torch.randn(rows, 128))

    def forward(self, x):
        return nt_xent(self.z)


def make(step, batch):
    """The model and its input: forward returns the loss.  For nt_xent the batch is 2N, for simclr N pairs of views."""
    if step == "vae":
        return Vae(), torch.rand(batch, 784)
    if step == "deep_autoencoder":
        return DeepAutoencoder(), torch.rand(batch, 784)
    if step == "conv_autoencoder":
        return ConvAutoencoder(), torch.rand(batch, 1, 28, 28)
    if step == "rotnet":
        return RotNet(), torch.rand(batch, 3, 32, 32)
    if step == "simclr":
        return SimClr(), torch.rand(2 * batch, 3, 32, 32)
    return Embeddings(batch), None


STEPS = ["vae", "deep_autoencoder", "conv_autoencoder", "rotnet", "simclr", "nt_xent"]
LAYOUTS = {"planar": torch.contiguous_format, "channels-last": torch.channels_last}
LAYOUT_OF = {"conv_autoencoder": "planar", "rotnet": "channels-last", "simclr": "channels-last"}  # faster on a CPU


def training_step(options, mode, layout):
    """A function that does one step.  `layout` applies to images and kernels; None keeps the default."""
    torch.manual_seed(0)
    model, x = make(options.step, options.batch)
    if layout is not None:
        model, x = model.to(memory_format=LAYOUTS[layout]), x.to(memory_format=LAYOUTS[layout])
    if options.device == "cuda":
        model, x = model.cuda(), x if x is None else x.cuda()
    loss_of = model
    if mode != "eager":
        loss_of = torch.compile(model, mode=None if mode == "compile" else mode)
    if options.precision == "bf16":
        loss_of = torch.autocast(options.device, torch.bfloat16)(loss_of)
    # NT-Xent alone runs forward and backward only.
    optimizer = None
    if options.step != "nt_xent":
        optimizer = torch.optim.Adam(model.parameters(), 1e-3, **{options.adam: True})

    def step():
        model.zero_grad(set_to_none=True)
        loss = loss_of(x)
        loss.backward()
        if optimizer is not None:
            optimizer.step()
        return loss

    return step


def faster_layout(options, wait):
    """The layout in which twenty eager steps are faster on this machine."""
    times = {}
    for layout in LAYOUTS:
        step = training_step(options, "eager", layout)
        timed(step, wait, 5)
        times[layout] = timed(step, wait, 20)
    return min(times, key=times.get)


def prepare_gpu(options):
    """Exact f32 matmuls and convolutions unless --precision says otherwise, and cuDNN's fastest algorithms."""
    if not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no GPU")
    torch.set_float32_matmul_precision("high" if options.precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = options.precision == "tf32"
    torch.backends.cudnn.benchmark = True


def wait_for_gpu(_):
    torch.cuda.synchronize()


def serve_on_gpu(options):
    layout = faster_layout(options, wait_for_gpu) if options.step in LAYOUT_OF else None
    gc.collect()  # excludes the layout trials from the step's memory
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    about = lambda: {"peak_mb": torch.cuda.max_memory_allocated() / 2**20, "layout": layout, "version": torch.__version__}
    serve(training_step(options, options.mode, layout), wait_for_gpu, about)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", choices=STEPS, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", choices=["eager", "compile", "reduce-overhead", "max-autotune"], default="eager")
    parser.add_argument("--adam", choices=["foreach", "fused"], default="foreach", help="fused: PyTorch 2.4 and later")
    parser.add_argument("--losses", type=int, metavar="N", help="print N losses instead of serving: as a sanity check")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="f32", help="tf32, bf16: on a GPU")
    options = parser.parse_args()
    if options.device == "cuda":
        prepare_gpu(options)
    else:
        torch.set_num_threads(options.threads)
    if options.device == "cuda" and not options.losses:
        serve_on_gpu(options)
        return
    step = training_step(options, options.mode, LAYOUT_OF.get(options.step))
    if options.losses:
        print(*[f"{step().item():.6g}" for _ in range(options.losses)])
    else:
        serve(step)


if __name__ == "__main__":
    main()
