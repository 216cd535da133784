// What is done with a trained model: codes, maps, statistics, interpolation, judging, importance sampling.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "frontend/activations.h"
#include "frontend/entry.h"
#include "frontend/layers.h"
#include "frontend/losses.h"
#include "runtime/rng.h"
#include "tests/support/temp_folder.h"
#include "training/data/digits.h"
#include "training/evaluation/classifier_score.h"
#include "training/evaluation/codes.h"
#include "training/evaluation/iwae.h"
#include "training/runs/illustrate.h"
#include "training/runs/illustrate_latent.h"
#include "training/stats/mixture.h"
#include "training/stats/tsne.h"
#include "training/stats/unit_statistics.h"

using namespace weft;
using namespace weft::training;
using runtime::HostTensor;

namespace {

constexpr std::int64_t pixels = 28 * 28, hidden = 8;

// A variational autoencoder, never trained, and a classifier on the same pictures.
struct SmallVae {
  std::int64_t latent;
  Linear encoder{"encoder.fc1", pixels, hidden}, mu{"encoder.mu", hidden, latent},
      logvar{"encoder.logvar", hidden, latent};
  Linear decoder{"decoder.fc1", latent, hidden}, out{"decoder.out", hidden, pixels}, head{"head", pixels, 10};

  Tensor decode(const Tensor& z) const { return out(relu(decoder(z))); }

  ir::Module module() const {
    ir::Module module;
    module.name = "small_vae";
    add(module, "encode", [&](Entry& entry, const Tensor& h) {
      entry.output("latent", mu(h));
      entry.output("logvar", logvar(h));
    });
    add(module, "reconstruct", [&](Entry& entry, const Tensor& h) { entry.output("xhat", sigmoid(decode(mu(h)))); });
    {
      Entry entry(module, "test", Mode::eval);
      const Tensor x = entry.input("x", {B, pixels});
      const Tensor h = relu(encoder(x));
      const Tensor recon = bce_with_logits(decode(reparameterize(mu(h), logvar(h))), x);
      entry.output("loss", recon + kl_normal(mu(h), logvar(h)));
    }
    {
      Entry entry(module, "log_weight", Mode::eval);
      const Tensor x = entry.input("x", {B, pixels});
      const Tensor h = relu(encoder(x));
      const Tensor epsilon = random_normal({B, latent}), z = mu(h) + exp(0.5 * logvar(h)) * epsilon;
      const Tensor logits = decode(z);
      entry.output("log_weight",
                   sum(logits * x - softplus(logits), 1) + 0.5 * sum(square(epsilon) + logvar(h) - square(z), 1));
    }
    {
      Entry entry(module, "decode", Mode::eval);
      entry.output("x", sigmoid(decode(entry.input("z", {B, latent}))));
    }
    {
      Entry entry(module, "classify", Mode::eval);
      entry.output("logits", head(entry.input("x", {B, pixels})));
    }
    {
      Entry entry(module, "augment", Mode::eval);
      const Tensor x = entry.input("x", {B, pixels});
      entry.output("view", x * random_uniform({B, pixels}));
    }
    return module;
  }

 private:
  template <typename Body>
  void add(ir::Module& module, const char* name, Body body) const {
    Entry entry(module, name, Mode::eval);
    body(entry, relu(encoder(entry.input("x", {B, pixels}))));
  }
};

Session small_session(std::int64_t latent = 3) {
  SessionOptions options;
  options.backend = "reference";
  options.batch = 32;
  return {SmallVae{latent}.module(), options};
}

Dataset digits(std::int64_t count) {
  return first_of(make_digits({.train = 1, .validation = 0, .test = 64}).test, count);
}

bool same(std::span<const float> a, std::span<const float> b) { return std::ranges::equal(a, b); }

}  // namespace

// --- Codes -----------------------------------------------------------------------------------------------------------

TEST_CASE("an interpolation begins and ends at the reconstructions") {
  Session session = small_session();
  const Dataset data = digits(2);
  const Codes codes = encode(session, data);
  const HostTensor rebuilt = session.run("reconstruct", data).at("xhat");
  for (const Path path : {Path::linear, Path::spherical}) {
    const HostTensor way = decode(session, walk(path, codes.row(0), codes.row(1), 5));
    REQUIRE(way.shape == std::vector<std::int64_t>{5, pixels});
    CHECK(same(way.as<float>().first(pixels), rebuilt.as<float>().first(pixels)));
    CHECK(same(way.as<float>().last(pixels), rebuilt.as<float>().last(pixels)));
  }
  CHECK_ERROR(walk(Path::linear, codes.row(0), codes.row(1), 1), "got 1");
}

TEST_CASE("a spherical path keeps the length, and is straight where there is no circle") {
  const std::vector<float> a{2, 0}, b{0, 2};
  const std::vector<float> middle = between(Path::spherical, a, b, .5);
  CHECK(middle[0] == doctest::Approx(std::sqrt(2)));
  CHECK(middle[1] == doctest::Approx(std::sqrt(2)));
  CHECK(between(Path::linear, a, b, .5) == std::vector<float>{1, 1});
  CHECK(between(Path::spherical, a, std::vector<float>{4, 0}, .5) == std::vector<float>{3, 0});
  CHECK(between(Path::spherical, a, std::vector<float>{0, 0}, .5) == std::vector<float>{1, 0});
}

TEST_CASE("codes at random: as the prior, as the data's codes, in their box") {
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.insert(values.end(), {5 + .01F * static_cast<float>(i), -3});
  const Codes codes{HostTensor::of<float>(values, {100, 2}), HostTensor::zeros(ir::DType::f32, {0})};
  const std::vector<float> box = draw_codes(Draw::box, &codes, 2, 500, 1);
  const std::vector<float> normal = draw_codes(Draw::normal, &codes, 2, 500, 1);
  const std::vector<float> mixture = draw_codes(Draw::mixture, &codes, 2, 500, 1);
  REQUIRE(mixture.size() == 1000);
  for (std::size_t i = 0; i < mixture.size(); i += 2) CHECK(std::abs(mixture[i] - 5.5F) < 1);
  double mean = 0;
  for (std::size_t i = 0; i < box.size(); i += 2) {
    CHECK((box[i] >= 5 && box[i] <= 5.99F && box[i + 1] == -3 && normal[i + 1] == -3));
    mean += normal[i] / 500;
  }
  CHECK(mean == doctest::Approx(5.495).epsilon(.02));
  CHECK(draw_codes(Draw::prior, nullptr, 2, 5, 1) == draw_codes(Draw::prior, nullptr, 2, 5, 1));
  CHECK(draw_codes(Draw::prior, nullptr, 2, 5, 1) != draw_codes(Draw::prior, nullptr, 2, 5, 2));
}

TEST_CASE("a mixture finds clusters of its rows, and draws from them") {
  // Two clusters, one of three times as many rows, the other long along a diagonal.
  std::vector<float> values;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const float a = runtime::normal({1, 1, 0}, i), b = runtime::normal({1, 2, 0}, i);
    if (i % 4 == 0)
      values.insert(values.end(), {10 + a, a + .1F * b});
    else
      values.insert(values.end(), {.5F * a, 2 * b});
  }
  const HostTensor rows = HostTensor::of<float>(values, {2000, 2});
  const Mixture mixture(rows, 2, 3);
  REQUIRE(mixture.components() == 2);
  const std::size_t small = mixture.weights()[0] < mixture.weights()[1] ? 0 : 1;
  CHECK(mixture.weights()[small] == doctest::Approx(.25).epsilon(.01));
  CHECK(mixture.parts()[small].mean()[0] == doctest::Approx(10).epsilon(.02));
  const std::vector<double>& factor = mixture.parts()[small].factor();
  CHECK(factor[0] == doctest::Approx(1).epsilon(.1));  // L L^T = [[1, 1], [1, 1.01]]
  CHECK(factor[2] == doctest::Approx(1).epsilon(.1));
  for (std::size_t i = 1; i < mixture.log_likelihoods().size(); ++i)
    CHECK(mixture.log_likelihoods()[i] >= mixture.log_likelihoods()[i - 1] - 1e-3);

  const std::vector<float> drawn = mixture.draw(4000, 7);
  CHECK(drawn == mixture.draw(4000, 7));
  CHECK(drawn != mixture.draw(4000, 8));
  double near_small = 0;
  for (std::size_t i = 0; i < drawn.size(); i += 2)
    if (drawn[i] > 5) {
      near_small += 1. / 4000;
      CHECK(std::abs(drawn[i] - 10 - drawn[i + 1]) < 1);
    }
  CHECK(near_small == doctest::Approx(.25).epsilon(.1));
  CHECK(Mixture(HostTensor::of<float>(std::vector<float>{1, 2, 3, 4}, {2, 2}), 10, 1).components() <= 2);
}

// --- Statistics ------------------------------------------------------------------------------------------------------

TEST_CASE("a unit is active where its mean varies, and costs its KL") {
  std::vector<float> codes, logvar;
  for (int i = 0; i < 10; ++i) {
    codes.insert(codes.end(), {i % 2 == 0 ? 1.0F : -1.0F, 0});
    logvar.insert(logvar.end(), {std::log(.01F), 0});
  }
  const LatentStatistics statistics = latent_statistics(codes, logvar, 2);
  CHECK(statistics.active() == 1);
  CHECK(statistics.units[0].active);
  CHECK(statistics.units[0].mean == doctest::Approx(0));
  CHECK(statistics.units[0].mean_variance == doctest::Approx(1));
  CHECK(statistics.units[0].variance == doctest::Approx(1.01));
  CHECK(statistics.units[0].kl == doctest::Approx(.5 * (1 + .01 - 1 - std::log(.01))));
  CHECK(statistics.units[1].kl == doctest::Approx(0));
  CHECK(statistics.kl() == doctest::Approx(statistics.units[0].kl));
  CHECK(statistics.by_weight() == std::vector<std::int64_t>{0, 1});
  CHECK(test::contains(statistics.collapse_warning(), "1 of 2 units of the latent space are inactive"));

  const LatentStatistics plain = latent_statistics(codes, {}, 2);
  CHECK(plain.units[0].variance == doctest::Approx(1));
  CHECK(plain.kl() == 0);
  CHECK(plain.collapse_warning().empty());
  CHECK_ERROR(latent_statistics(codes, logvar, 3), "of 3 units");
  CHECK_ERROR(latent_statistics({}, {}, 2), "0 codes");
}

// --- t-SNE -----------------------------------------------------------------------------------------------------------

TEST_CASE("t-SNE sets clusters apart, the same way each time") {
  constexpr std::size_t dims = 5, count = 40;
  std::vector<float> points;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dims; ++d)
      points.push_back(static_cast<float>(std::sin(double(7 * i + 3 * d * d)) + (i % 2 == 0 ? 0 : 20)));
  const std::vector<float> plane = tsne(points, dims, {.perplexity = 8, .steps = 400});
  CHECK(plane == tsne(points, dims, {.perplexity = 8, .steps = 400}));
  double centre[2][2] = {};
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t axis = 0; axis < 2; ++axis) centre[i % 2][axis] += plane[2 * i + axis] / (count / 2.0);
  double widest = 0;
  for (std::size_t i = 0; i < count; ++i)
    widest = std::max(widest, std::hypot(plane[2 * i] - centre[i % 2][0], plane[2 * i + 1] - centre[i % 2][1]));
  const double apart = std::hypot(centre[0][0] - centre[1][0], centre[0][1] - centre[1][1]);
  CHECK(std::isfinite(apart));
  CHECK(widest > 0);
  CHECK(apart > 2 * widest);
}

TEST_CASE("t-SNE of points that coincide is finite, and bad points are refused") {
  for (const float each : tsne(std::vector<float>(20, 1.0F), 2)) CHECK(std::isfinite(each));
  CHECK_ERROR(tsne(std::vector<float>(6, 1.0F), 2), "not 3");
  CHECK_ERROR(tsne(std::vector<float>(7, 1.0F), 2), "do not form points of 2 dims");
  CHECK_ERROR(tsne(std::vector<float>(kMaxTsnePoints + 1, 1.0F), 1), "use fewer points");
  CHECK_ERROR(tsne(std::vector<float>(8, std::numeric_limits<float>::quiet_NaN()), 2), "not all finite");
}

// --- Judging ---------------------------------------------------------------------------------------------------------

TEST_CASE("a verdict counts what the judge is sure of, and how evenly its classes come") {
  const auto verdict = [](const std::vector<float>& logits) {
    return classifier_score(HostTensor::of<float>(logits, {static_cast<std::int64_t>(logits.size()) / 2, 2}));
  };
  CHECK(verdict({9, 0, 0, 9}).sure == 1);
  CHECK(verdict({9, 0, 0, 9}).entropy == doctest::Approx(std::log(2)));
  CHECK(verdict({1, 1, 9, 0}).sure == .5);
  CHECK(verdict({1, 1, 9, 0}).entropy == 0);
}

TEST_CASE("interpolation is judged on the steps between its ends") {
  Session session = small_session(), classifier = small_session();
  const Dataset data = digits(30);
  const InterpolationScore verdict = score_interpolation(session, classifier, data, Path::linear, 7, 5, 1);
  CHECK(verdict.images == 7 * 3);
  CHECK(verdict.latent.entropy <= std::log(10));
  CHECK(score_interpolation(session, classifier, data, Path::linear, 7, 5, 1).pixel.entropy == verdict.pixel.entropy);
  const double accuracy = accuracy_of(classifier, data);
  CHECK((accuracy >= 0 && accuracy <= 1));
  CHECK_ERROR(score_interpolation(session, classifier, data, Path::linear, 7, 2, 1), "at least 3");
  CHECK_ERROR(score_interpolation(session, classifier, first_of(data, 1), Path::linear, 7, 5, 1), "only one class");
  CHECK_ERROR(classify(classifier, HostTensor::zeros(ir::DType::f32, {2, 100})),
              "images of 784 numbers, but these have 100");
}

// --- Importance sampling ---------------------------------------------------------------------------------------------

TEST_CASE("one importance sample is minus the ELBO, more of them bound log p(x) more tightly") {
  Session session = small_session();
  const Dataset data = digits(64);
  const double one = iwae_nll(session, data, 1);
  CHECK(one == doctest::Approx(session.evaluate(data)[0].second).epsilon(.005));
  CHECK(one == iwae_nll(session, data, 1));
  const double five = iwae_nll(session, data, 5), fifty = iwae_nll(session, data, 50);
  CHECK(five < one);
  CHECK(fifty < five);
  std::int64_t last = 0;
  iwae_nll(session, data, 3, [&](std::int64_t done) { last = done; });
  CHECK(last == 3);
}

TEST_CASE("another draw has other random numbers") {
  Session session = small_session();
  const Dataset data = digits(8);
  CHECK(session.run("log_weight", data) == session.run("log_weight", data));
  CHECK(session.run("log_weight", data) != session.run("log_weight", data, 1));
}

// --- Pictures --------------------------------------------------------------------------------------------------------

TEST_CASE("every picture of a model can be drawn") {
  for (const std::int64_t latent : {2, 3}) {
    Session session = small_session(latent);
    const Dataset data = digits(30);
    const ImageShape shape = image_shape(data);
    const Codes codes = encode(session, data);
    const LatentStatistics statistics = latent_statistics(codes.latent.as<float>(), codes.logvar.as<float>(), latent);
    CHECK(picture_traversals(session, statistics, codes.row(0), shape).height() > 64);
    CHECK(picture_units(codes, statistics, 1).width() > 0);
    CHECK(picture_latent(codes, data).width() > 0);
    CHECK(picture_maps(codes, data).width() > picture_latent(codes, data).width());
    CHECK(picture_interpolations(session, data, neighbouring_pairs(data), Path::spherical).width() > 64 * 11);
    CHECK(picture_views(session, data).height() > 8 * 56);
    CHECK(picture_filters(session, shape));
    CHECK(!picture_latent(codes, data).has_images());  // a chart: SVG in the report
    if (latent == 2) CHECK(picture_plane(session, codes, shape).width() > 20 * 56);
  }
}
