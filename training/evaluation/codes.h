// Codes of a trained model: made from pictures, drawn at random, walked between two, and decoded.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/data/dataset.h"
#include "training/session.h"

namespace weft::training {

// What an entry sees of images: bytes in [0,1], the rows of a table as they are.
runtime::HostTensor unit_range(const runtime::HostTensor& images);
// The samples so, as f32 [N,D].
runtime::HostTensor as_rows(const Dataset& data);
// The first `count` samples. Throws Error where the data set is empty.
Dataset first_of(const Dataset& data, std::int64_t count);

// One random view of each sample, as training sees them, by the entry `augment`; another `draw`, another view.
runtime::HostTensor view_of(Session& session, const Dataset& data, std::uint64_t draw);

struct Codes {
  runtime::HostTensor latent;  // f32 [N,L]
  runtime::HostTensor logvar;  // the same where the encoder gives distributions, else f32 [0]

  bool has_posterior() const { return logvar.shape.size() == 2; }
  std::int64_t dims() const { return latent.shape[1]; }
  std::int64_t count() const { return latent.shape[0]; }
  std::span<const float> row(std::int64_t index) const;
};
// The first `count` of them.
Codes first_of(const Codes& codes, std::int64_t count);

// By the entry `encode`; rows of more than one dim are flattened.
Codes encode(Session& session, const Dataset& data);
// By the entry `decode`: f32 [N,..], values in [0,1]. `codes` holds rows of the width that the entry takes.
runtime::HostTensor decode(Session& session, std::span<const float> codes);
// The width of the codes that `decode` takes.
std::int64_t code_size(const Session& session);
// The encoder gives N(latent, e^logvar) and there is a decoder: z drawn from N(0, I) decode to new pictures.
bool is_generative(const Session& session);

// --- At random -------------------------------------------------------------------------------------------------------

// How random codes are drawn: from N(0, I); from a normal distribution with each unit's mean and variance over the
// data; from a mixture of Gaussians fitted to the codes of the data (mixture.h); evenly from the box that holds these.
enum class Draw : std::uint8_t { prior, normal, mixture, box };
inline constexpr std::int64_t kMixtureComponents = 10;

// f32 [count, width of `codes`]; `codes` may be empty for Draw::prior, which takes `dims`. A function of its arguments.
std::vector<float> draw_codes(Draw draw, const Codes* codes, std::int64_t dims, std::int64_t count, std::uint64_t seed);

// `count` pictures decoded from N(0, I), f32 [count,..].
runtime::HostTensor sample_prior(Session& session, std::int64_t count, std::uint64_t seed);

// --- On the way from one to another ----------------------------------------------------------------------------------

// linear: (1-t) a + t b. spherical: along the great circle, for codes whose length carries no meaning (Shoemake 1985);
// linear where the two point the same way, or one is 0.
enum class Path : std::uint8_t { linear, spherical };

std::vector<float> between(Path path, std::span<const float> from, std::span<const float> to, double t);
// `steps` points from t = 0 to t = 1, both included, one after the other. Throws Error unless steps >= 2.
std::vector<float> walk(Path path, std::span<const float> from, std::span<const float> to, std::int64_t steps);

}  // namespace weft::training
