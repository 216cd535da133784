// NT-Xent of embeddings, its only parameter.
#include "tools/bench/loss_alone.h"

#include "frontend/weft.h"
#include "runtime/clock.h"
#include "runtime/rng.h"
#include "tools/bench/cost.h"

namespace weft::tools {

namespace {

ir::GraphPtr nt_xent_of_rows(std::int64_t dim) {
  constexpr double temperature = 0.5;
  ir::Module module{"nt_xent", {}};
  {
    Entry entry(module, "nt_xent", Mode::train);
    entry.output("loss", nt_xent(parameter("views", {Dim("B", 2), dim}, ir::normal_init(0, 1)), temperature));
  }
  return std::make_shared<const ir::Graph>(module.graphs[0]);
}

}  // namespace

void LossFlags::declare(Flags& flags) {
  flags.add("dim", dim_, 1,
            "Embedding size when MODEL is nt_xent: this loss alone, forward and backward, over 2N embeddings");
}

std::int64_t LossFlags::pairs_of(std::int64_t batch) {
  if (batch % 2 != 0)
    fail_usage("--batch counts the embeddings of nt_xent, two per image: give an even number, not {}", batch);
  if (batch < 4)
    fail_usage("nt_xent compares each embedding with its partner and others: give --batch 4 or more, not {}", batch);
  return batch / 2;
}

ir::GraphPtr LossFlags::step(passes::Context& context, const passes::Observe& observe) const {
  return passes::run_passes(nt_xent_of_rows(dim_), passes::gradient_pipeline(), context, observe);
}

LossBench::LossBench(const LossFlags& loss, std::int64_t batch, const training::SessionOptions& options) {
  passes::Context context;
  context.contrastive = options.contrastive;
  const ir::GraphPtr graph = loss.step(context, [&](const std::string& pass, const ir::GraphPtr&, double seconds) {
    compile_seconds_.emplace_back(pass, seconds);
  });
  CompileOptions compile_options;
  compile_options.backend = options.backend;
  compile_options.threads = options.threads;
  compile_options.precision = options.precision;
  compile_options.bind = {{"B", LossFlags::pairs_of(batch)}};
  const Clock::time_point start = Clock::now();
  program_ = compile(graph, compile_options, &report_);
  add_compile_seconds(seconds_since(start));
  const ir::GraphPtr bound = lowered(graph, compile_options);
  flops_ = contraction_flops(*bound);
  least_bytes_ = unavoidable_bytes(*graph, *bound);

  loss_ = program_->find_output("loss");
  const runtime::Port& views = program_->inputs().front();
  std::vector<float> numbers(static_cast<std::size_t>(views.type.elements()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = runtime::normal({1, 0, 0}, std::uint32_t(i));
  program_->write_input(0, numbers.data());
}

void LossBench::wait() {
  float loss = 0;
  program_->read_output(loss_, &loss);  // waits for the step
}

}  // namespace weft::tools
