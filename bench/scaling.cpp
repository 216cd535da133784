// Growth of compile time with graph size: processor seconds of each pass and of the stages before and after the passes,
// at doubling sizes, and the fitted exponent. A pass slower than n log n stands out.
//   bench_scaling [SHAPE..] [--sizes 1250,2500,5000,10000,20000] [--code]   (--code: also LLVM's code generation)
#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "backends/cpu/program/jit.h"
#include "backends/cpu/program/program.h"
#include "backends/cpu/program/schedule.h"
#include "bench/scaling_graphs.h"
#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "passes/plan/plan.h"

namespace weft::bench {
namespace {

// Counts this process only, whatever else runs.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Stages in the order of their first run, with seconds by size; sums passes that run twice.
class Table {
 public:
  template <typename Run>
  auto time(const std::string& stage, int size, Run run) {
    const double start = processor_seconds();
    auto result = run();
    if (std::find(stages_.begin(), stages_.end(), stage) == stages_.end()) stages_.push_back(stage);
    seconds_[stage][size] += processor_seconds() - start;
    return result;
  }

  void print(const std::vector<int>& sizes) const {
    std::string head = fmt::format("{:<16}", "seconds");
    for (const int size : sizes) head += fmt::format("{:>10}", size);
    fmt::print("{}  exponent\n", head);
    for (const std::string& stage : stages_) row(stage, seconds_.at(stage), sizes);
    std::map<int, double> total;
    for (const auto& [stage, by_size] : seconds_)
      for (const auto& [size, seconds] : by_size) total[size] += seconds;
    row("all", total, sizes);
  }

 private:
  static void row(const std::string& stage, const std::map<int, double>& by_size, const std::vector<int>& sizes) {
    std::string line = fmt::format("{:<16}", stage);
    for (const int size : sizes) line += fmt::format("{:>10.4f}", by_size.at(size));
    fmt::print("{}  {}\n", line, exponent(by_size));
  }

  // The slope of a line through the logarithms; ignores times that are too short to measure.
  static std::string exponent(const std::map<int, double>& by_size) {
    std::vector<std::pair<double, double>> points;
    for (const auto& [size, seconds] : by_size)
      if (seconds > 0.002) points.emplace_back(std::log(double(size)), std::log(seconds));
    if (points.size() < 2) return "-";
    double x = 0, y = 0, xx = 0, xy = 0;
    for (const auto& [a, b] : points) x += a, y += b, xx += a * a, xy += a * b;
    const double n = double(points.size());
    return fmt::format("{:.2f}", (n * xy - x * y) / (n * xx - x * x));
  }

  std::vector<std::string> stages_;
  std::map<std::string, std::map<int, double>> seconds_;
};

void compile(const Shape& shape, int size, bool code, Table& table) {
  passes::Context context;
  context.target = cpu::target();
  ir::GraphPtr graph = table.time("build", size, [&] { return shape.make(size); });
  const auto run = [&](const std::string& pass) {
    graph = table.time(pass, size, [&] { return passes::find_pass(pass)->run(graph, context); });
  };
  if (shape.trains) {
    for (const std::string& pass : passes::gradient_pipeline()) run(pass);
    run("update");
  } else {
    for (const std::string& pass : passes::forward_pipeline()) run(pass);
  }
  const std::string text = table.time("print", size, [&] { return ir::print(*graph); });
  graph = table.time("parse", size, [&] { return std::make_shared<const ir::Graph>(ir::parse_graph(text, "text")); });
  table.time("verify", size, [&] { return ir::verify(*graph), 0; });
  graph = table.time("bind", size, [&] { return std::make_shared<const ir::Graph>(ir::bind(*graph, {})); });
  std::size_t ops = 0;
  for (const std::string& pass : passes::compile_pipeline()) {
    if (pass == "fuse") ops = graph->ops.size();
    run(pass);
  }
  table.time("plan", size, [&] { return passes::make_plan(*graph).arena_bytes; });
  const auto schedule = table.time("schedule", size, [&] { return cpu::Schedule(*graph, {}); });
  fmt::print(stderr, "{} {}: {} ops before fuse, {} steps, {} kernels\n", shape.name, size, ops,
             schedule.steps().size(), schedule.kernels().size());
  if (!code) return;
  table.time("code", size, [&] {
    cpu::Jit jit;
    for (const cpu::KernelSource& source : schedule.kernels()) jit.add(source);
    jit.compile(1);
    return 0;
  });
}

std::vector<int> parse_sizes(const std::string& list) {
  std::vector<int> sizes;
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    sizes.push_back(std::stoi(list.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return sizes;
}

int main_of(const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  std::vector<int> sizes = {1250, 2500, 5000, 10000, 20000};
  bool code = false;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i] == "--sizes" && i + 1 < arguments.size())
      sizes = parse_sizes(arguments[++i]);
    else if (arguments[i] == "--code")
      code = true;
    else
      names.push_back(arguments[i]);
  for (const Shape& shape : shapes()) {
    if (!names.empty() && std::find(names.begin(), names.end(), shape.name) == names.end()) continue;
    Table table;
    for (const int size : sizes) compile(shape, size, code, table);
    fmt::print("\n{}: {}\n", shape.name, shape.doc);
    table.print(sizes);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int count, char** arguments) { return weft::bench::main_of({arguments + 1, arguments + count}); }
