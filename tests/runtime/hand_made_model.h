// The hand-made model of tests/runtime/artefact/fixture.c: its variants, calls of its entries, and its checkpoint as
// C++ writes it.
#pragma once

#include <doctest/doctest.h>
#include <fixture.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "ir/text/parse.h"
#include "runtime/safetensors.h"
#include "runtime/state.h"
#include "tests/support/temp_folder.h"

extern "C" {
int fake_executors_alive();
extern void (*fake_executor_inside)();
int embedded_create_checked(fixture**, const char*, std::uint64_t);
int embedded_run(fixture*, const char*, std::int64_t, const void* const*, const std::size_t*, void* const*,
                 const std::size_t*);
int embedded_init(fixture*, std::uint64_t);
void* embedded_params(fixture*);
const char* embedded_error(const fixture*);
void embedded_destroy(fixture*);
int part_create_checked(fixture**, const char*, std::uint64_t);
int part_load(fixture*, const char*);
const char* part_error(const fixture*);
void part_destroy(fixture*);
void* part_params(fixture*);
int other_cpu_create_checked(fixture**, const char*, std::uint64_t);
const char* other_cpu_error(const fixture*);
int other_tables_create_checked(fixture**, const char*, std::uint64_t);
const char* other_tables_error(const fixture*);
}

namespace weft::test {

using runtime::TensorFile;

struct Model {
  explicit Model(const char* weights = nullptr) { code = fixture_create(&model, weights); }
  ~Model() { fixture_destroy(model); }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  operator fixture*() const { return model; }
  std::string error() const { return fixture_error(model); }

  fixture* model = nullptr;
  int code = WEFT_OK;
};

inline int encode(fixture* model, const float* x, std::size_t x_bytes, float* code, std::size_t code_bytes,
                  std::int64_t batch = 2) {
  const void* inputs[] = {x};
  void* outputs[] = {code};
  return fixture_run(model, "encode", batch, inputs, &x_bytes, outputs, &code_bytes);
}

inline int train(fixture* model, std::uint8_t first, float* loss) {
  const std::uint8_t images[8] = {first};
  const void* inputs[] = {images};
  void* outputs[] = {loss};
  const std::size_t input_bytes = sizeof images, output_bytes = sizeof *loss;
  return fixture_run(model, "train_step", 2, inputs, &input_bytes, outputs, &output_bytes);
}

inline std::array<std::uint64_t, 2> drawn(fixture* model) {
  std::array<std::uint64_t, 2> words{};
  void* outputs[] = {words.data()};
  const std::size_t bytes = sizeof words;
  CHECK(fixture_run(model, "draw", 2, nullptr, nullptr, outputs, &bytes) == WEFT_OK);
  return words;
}

inline const float* params(const Model& model) { return static_cast<const float*>(fixture_params(model)); }

// The same model as the C++ of training knows it.
inline runtime::State state_of_fixture() {
  runtime::State state;
  constexpr const char* text = R"(weft 1
module @hand_made
graph @train(
  %encoder.weight: f32[3,4] {role=param, init=uniform(-0.5,0.25)},
  %encoder.bias: f32[3] {role=param, init=constant(0.1)},
  %decoder.kernel: f32[16,8,3,3] {role=param, init=normal(0.5,2)},
  %norm.count: i32[] {role=state, init=constant(7)},
  %adam.m: f32[12] {role=state, slots=[encoder.weight: f32[3,4] at 0]}
) -> (w: f32[3,4]) {
  return %encoder.weight
}
)";
  state.add(ir::parse(text, "test").graphs.front());
  return state;
}

// A checkpoint of it, as training writes them.
inline TensorFile checkpoint(std::uint64_t seed, std::uint64_t step) {
  runtime::State state = state_of_fixture();
  state.init(seed);
  TensorFile file = state.save();
  file.metadata["weft"] = "0.1.0";
  file.metadata["model"] = "hand_made";
  file.metadata["settings"] = R"(hidden=3 name="a\b")";
  file.metadata["seed"] = std::to_string(seed);
  file.metadata["step"] = std::to_string(step);
  return file;
}

inline std::string write(const TempFolder& folder, const TensorFile& file, const char* name = "a.safetensors") {
  runtime::write_safetensors(folder / name, file.tensors, file.metadata, {.checksums = runtime::Checksums::crc32});
  return folder / name;
}

inline std::string with_length(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

}  // namespace weft::test
