// Codes of a trained model: encoding, random codes, interpolation and decoding.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// The input of an entry: bytes scaled to [0,1], rows of a table unchanged.
runtime::HostTensor unit_range(const runtime::HostTensor& images);
// The same, flattened to f32 [N,D].
runtime::HostTensor as_rows(const Dataset& data);
// The first `count` samples. Throws Error if the data set is empty.
Dataset first_of(const Dataset& data, std::int64_t count);

// One random view of each sample, as in training, by the entry `augment`. Each `draw` gives another view.
runtime::HostTensor view_of(Session& session, const Dataset& data, std::uint64_t draw);

struct Codes {
  runtime::HostTensor latent;  // f32 [N,L]
  runtime::HostTensor logvar;  // the same if the encoder gives distributions, else f32 [0]

  bool has_posterior() const { return logvar.shape.size() == 2; }
  std::int64_t dims() const { return latent.shape[1]; }
  std::int64_t count() const { return latent.shape[0]; }
  std::span<const float> row(std::int64_t index) const;
};
// The first `count` codes.
Codes first_of(const Codes& codes, std::int64_t count);

// Runs the entry `encode` and flattens its rows.
Codes encode(Session& session, const Dataset& data);
// Runs the entry `decode`: f32 [N,..], values in [0,1]. `codes` holds rows of the entry's width.
runtime::HostTensor decode(Session& session, std::span<const float> codes);
// The width of the codes that `decode` takes.
std::int64_t code_size(const Session& session);
// Whether the encoder gives N(latent, e^logvar) and the model has a decoder, so that z from N(0, I) decode to new
// images.
bool is_generative(const Session& session);

// --- At random -------------------------------------------------------------------------------------------------------

// Distributions of random codes. prior: N(0, I). normal: normal, with each unit's mean and variance over the data.
// mixture: a mixture of Gaussians fitted to the codes of the data (mixture.h). box: uniform over the bounding box of
// these codes.
enum class Draw : std::uint8_t { prior, normal, mixture, box };
inline constexpr std::int64_t kMixtureComponents = 10;

// f32 [count,dims]; deterministic. `codes` may be null for Draw::prior.
std::vector<float> draw_codes(Draw draw, const Codes* codes, std::int64_t dims, std::int64_t count, std::uint64_t seed);

// `count` images decoded from N(0, I), f32 [count,..].
runtime::HostTensor sample_prior(Session& session, std::int64_t count, std::uint64_t seed);

// --- Interpolation ---------------------------------------------------------------------------------------------------

// linear: (1-t) a + t b. spherical: along the great circle, for codes whose length carries no meaning (Shoemake 1985);
// linear if both have the same direction or one is 0.
enum class Path : std::uint8_t { linear, spherical };

std::vector<float> between(Path path, std::span<const float> from, std::span<const float> to, double t);
// `steps` points from t = 0 to t = 1, both included, concatenated. Throws Error unless steps >= 2.
std::vector<float> walk(Path path, std::span<const float> from, std::span<const float> to, std::int64_t steps);

}  // namespace weft::training
