// A checkpoint with the place in its run, restored into a small model.
#include "ir/text/parse.h"
#include "tests/fuzz/input.h"
#include "training/runs/run_directory.h"

namespace {

constexpr const char* model = R"(weft 1
module @tiny
graph @encode(%x: f32[B,2], %w: f32[2,3] {role=param, init=constant(1)}, %n: f32[3] {role=state}) -> (z: f32[B,3]) {
  %h = matmul %x, %w : f32[B,3]
  %z = add %h, %n : f32[B,3]
  return %z
}
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  static training::Session session = [] {
    training::SessionOptions options;
    options.backend = "reference";
    return training::Session(ir::parse(model, "tiny"), options);
  }();
  const std::filesystem::path path = fuzz::memory_folder() / "checkpoint.safetensors";
  fuzz::write(path, fuzz::text_of(data, size));
  const auto run = training::RunDirectory::of_checkpoint(path, {}, session.module());
  training::Position position;
  if (!fuzz::accepts([&] { position = run.restore(session); })) return 0;
  fuzz::need(position.epochs_done >= 0 && position.images_done >= 0, "a place before the begin");
  return 0;
}
