// weft plan: prints the memory plan of a step, or the largest batch that fits into a given amount of memory.
#include "passes/plan/plan.h"

#include <nlohmann/json.hpp>

#include "backends/compile.h"
#include "tools/bench/cost.h"
#include "tools/bench/largest.h"
#include "tools/bench/loss_alone.h"
#include "tools/bench/machine.h"
#include "tools/bench/stages.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/train_flags.h"

namespace weft::tools {

namespace {

class PlanCommand final : public Command {
 public:
  explicit PlanCommand(const Catalog& catalog) : model_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("Plan");
    flags.add("batch", options_.batch, 1, "Images per step");
    loss_.declare(flags);
    flags.add("memory", memory_, 1, "Print the largest batch whose step fits into this many bytes");
    flags.add("json", json_, "Print one JSON object instead of the table");
    flags.add("entry", options_.entry, "NAME", "Entry of the model, such as encode, instead of the training step");
    optimizer_.declare(flags);
    passes_.declare(flags);
    model_.declare_size(flags);
    model_.declare(flags);
  }

  int run() override {
    passes::Context context = passes_.apply(passes::Context());
    Subject subject;
    if (LossFlags::is_loss(model_.name())) {
      if (memory_) fail_usage("--memory is for models; give --batch for {}", model_.name());
      subject.name = model_.name();
      graph_ = loss_.step(context);
      symbol_ = LossFlags::pairs_of(options_.batch);
    } else {
      subject = model_.build_or_read();
      options_.optimizer = optimizer_.apply(options_.optimizer);
      graph_ = graph_to_compile(subject.module, options_, context);
      symbol_ = options_.batch;
    }
    return memory_ ? print_largest(subject) : json_ ? print_json(subject) : print_plan(subject);
  }

 private:
  struct Planned {
    ir::GraphPtr graph;
    passes::Plan plan;
    double ports = 0;  // bytes of params, optimizer state and batch; excludes the data set
  };

  Planned plan(std::int64_t batch) const {
    passes::Context context;
    Planned planned;
    planned.graph = graph_to_plan(graph_, batch, context);
    planned.plan = passes::make_plan(*planned.graph);
    planned.ports = step_port_bytes(*graph_, *planned.graph);
    return planned;
  }

  // Memory of the best backend's program, including scratch of kernels and library calls.
  runtime::MemoryUse compiled_memory(std::int64_t batch) const {
    CompileOptions options;
    options.backend = backend_names().front();
    options.bind = bindings_for(*graph_, batch);
    return compile(graph_, options)->memory();
  }

  int print_plan(const Subject& subject) const {
    const Planned planned = plan(symbol_);
    put("{}, {}, batch {}\n\n", subject.name, options_.entry.empty() ? "training step" : "entry " + options_.entry,
        options_.batch);
    put_text(stdout, passes::print(planned.plan, *planned.graph) + "\n");
    const runtime::MemoryUse memory = compiled_memory(symbol_);
    put("backend {}, including scratch memory of kernels and library calls:\n", backend_names().front());
    put("  peak         {:>10}  one arena holds every buffer\n", bytes_text(double(memory.arena_bytes)));
    put("  naive        {:>10}  each buffer in its own memory\n", bytes_text(double(memory.naive_bytes)));
    put("  lower bound  {:>10}  largest set alive at once\n", bytes_text(double(memory.lower_bound_bytes)));
    put("  outside it   {:>10}  inputs and outputs: params, optimizer state, the batch\n", bytes_text(planned.ports));
    return 0;
  }

  int print_json(const Subject& subject) const {
    const runtime::MemoryUse memory = compiled_memory(symbol_);
    const nlohmann::ordered_json json{{"model", subject.name},
                                      {"backend", backend_names().front()},
                                      {"batch", options_.batch},
                                      {"arena_bytes", memory.arena_bytes},
                                      {"naive_bytes", memory.naive_bytes},
                                      {"lower_bound_bytes", memory.lower_bound_bytes},
                                      {"port_bytes", std::int64_t(plan(symbol_).ports)}};
    put_json(json);
    return 0;
  }

  [[noreturn]] static void fail_to_fit(const Subject& subject, double bytes) {
    fail("no batch fits: a step of {} with batch 1 takes {} bytes", subject.name, std::int64_t(bytes));
  }

  // The plan is a cheap upper bound for the batch. Then compiles programs to count their scratch, if this machine has
  // enough memory for them.
  int print_largest(const Subject& subject) const {
    const auto memory = double(*memory_);
    const auto plan_bytes = [&](std::int64_t batch) {
      const Planned planned = plan(batch);
      return double(planned.plan.arena_bytes) + planned.ports;
    };
    const auto bytes = [&](std::int64_t batch) {
      return double(compiled_memory(batch).arena_bytes) + plan(batch).ports;
    };
    const std::int64_t bound = largest_that_fits([&](std::int64_t batch) { return plan_bytes(batch) <= memory; });
    if (bound == 0) fail_to_fit(subject, plan_bytes(1));
    if (*memory_ > describe_machine().memory_bytes / 2) {
      put("largest batch that fits in {}: {}, excluding scratch memory of kernels and library "
          "calls:\n"
          "this machine has too little memory to measure it\n",
          bytes_text(memory), bound);
      return 0;
    }
    const std::int64_t batch = bytes(bound) <= memory ? bound : largest_that_fits([&](std::int64_t size) {
      return size < bound && bytes(size) <= memory;
    });
    if (batch == 0) fail_to_fit(subject, bytes(1));
    put("largest batch that fits in {}: {} (a step takes {})\n", bytes_text(memory), batch, bytes_text(bytes(batch)));
    return 0;
  }

  ModelFlags model_;
  OptimizerFlags optimizer_;
  StageOptions options_;
  PassFlags passes_;
  LossFlags loss_;
  std::optional<std::int64_t> memory_;
  bool json_ = false;
  std::int64_t symbol_ = 0;  // bound size of the batch symbol of graph_
  ir::GraphPtr graph_;
};

}  // namespace

std::unique_ptr<Command> make_plan(const Catalog& catalog) { return std::make_unique<PlanCommand>(catalog); }

}  // namespace weft::tools
