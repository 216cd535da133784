// fuzz_graphs [--cheap | --gradients | --full] [--seed S] [--count N | --seconds T] [--out FOLDER]
//
// Checks random graphs and prints what it counted. A finding is shrunk and written to FOLDER as a .weft file whose head
// says how to repeat it. Exit status: 0, or 1 where there are findings, 2 for a wrong command line.
#include <bit>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "ir/text/number.h"
#include "ir/text/print.h"
#include "tests/fuzz/graphs/check.h"

namespace weft::fuzz {

namespace {

constexpr std::uint64_t kMostFindings = 50;  // a run stops there: they are examples of fewer faults

struct Part {
  std::string_view name;
  Check check;
  std::uint64_t enough;  // executions in which every op has its turn; 0 where some have none
};
constexpr Part kParts[] = {
    {"cheap", check_passes, 10000}, {"gradients", check_gradients, 0}, {"full", check_backends, 5000}};

struct Command {
  const Part* part = &kParts[0];
  std::uint64_t seed = 1, count = 0;
  double seconds = 10;
  std::string out = ".";
};

template <typename Number>
Number number_of(std::string_view flag, std::string_view text) {
  const std::optional<Number> number = parse_number<Number>(text);
  if (!number) fail("{} takes a number, got \"{}\"", flag, text);
  return *number;
}

Command parse(int argc, char** argv) {
  Command command;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const Part* part = nullptr;
    for (const Part& each : kParts)
      if (flag == fmt::format("--{}", each.name)) part = &each;
    if (part) {
      command.part = part;
      continue;
    }
    if (i + 1 == argc) fail("{} takes a value, or is no flag", flag);
    const std::string_view value = argv[++i];
    if (flag == "--seed")
      command.seed = number_of<std::uint64_t>(flag, value);
    else if (flag == "--count")
      command.count = number_of<std::uint64_t>(flag, value);
    else if (flag == "--seconds")
      command.seconds = number_of<double>(flag, value);
    else if (flag == "--out")
      command.out = value;
    else
      fail("there is no flag {}; flags: --cheap --gradients --full --seed --count --seconds --out", flag);
  }
  return command;
}

std::string spell(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

std::string write(const Finding& finding, const Command& command) {
  const std::string file = fmt::format("{}/{}_{}.weft", command.out, command.part->name, finding.seed);
  std::string text = fmt::format("// fuzz_graphs --{} --seed {} --count 1\n// {}: {}\n// by: {}\n", command.part->name,
                                 finding.seed, finding.failure.kind, finding.failure.text, finding.steps);
  for (const auto& [symbol, size] : finding.subject.bindings) text += fmt::format("// bind: {}={}\n", symbol, size);
  for (std::size_t i = 0; i < finding.subject.inputs.size(); ++i) {
    text += fmt::format("// input {}:", finding.subject.graph->input_name(std::uint32_t(i)));
    for (const double each : finding.subject.inputs[i].data) text += " " + spell(each);
    text += "\n";
  }
  std::filesystem::create_directories(command.out);
  std::ofstream stream(file);
  stream << text << ir::print(*finding.subject.graph);
  stream.close();
  if (!stream) fail("cannot write {}: check that the folder exists and is writable", file);
  fmt::print("finding: {}: {}: {} (by {})\n", file, finding.failure.kind, finding.failure.text, finding.steps);
  std::fflush(stdout);
  return file;
}

// The graph of execution `index`: the first is that of the seed itself, so that --count 1 repeats it.
std::uint64_t seed_of(std::uint64_t seed, std::uint64_t index) {
  return index == 0 ? seed : mix(seed + index * 0x9E3779B97F4A7C15u);
}

// Prints the counts; the number of ops that had no turn though there were executions enough.
std::uint64_t report(const Command& command, const Counts& counts, double seconds) {
  std::string steps, absent;
  for (const auto& [name, count] : counts.by_step) steps += fmt::format(" {} {}", name, count);
  std::uint64_t codes = 0, missing = 0;
  for (std::size_t i = 0; i < counts.by_op.size(); ++i) {
    codes += counts.by_op[i] > 0 ? 1 : 0;
    if (counts.by_op[i] > 0 || !is_generated(ir::OpCode(i))) continue;
    ++missing;
    absent += fmt::format(" {}", ir::op_table()[i].name);
  }
  const bool may_lack = command.part->enough == 0 || counts.executions < command.part->enough;
  fmt::print("steps:{}\n", steps);
  if (missing > 0 && !may_lack) fmt::print("failed: ops without a turn:{}\n", absent);
  fmt::print(
      "{}, seed {}: {} executions in {:.1f} s, {:.0f} a second; {} ops of {} kinds of {}, {} attributes of {}; "
      "{} numbers compared; {} graphs differ by rounding, {} as they may; {} findings\n",
      command.part->name, command.seed, counts.executions, seconds, double(counts.executions) / seconds, counts.ops,
      codes, counts.by_op.size(), std::popcount(counts.attributes), ir::attr_table().size(), counts.compared,
      counts.explained, counts.permitted, counts.findings);
  return may_lack ? 0 : missing;
}

int run(const Command& command) {
  Counts counts;
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const auto more = [&] { return command.count > 0 ? counts.executions < command.count : elapsed() < command.seconds; };
  while (more() && counts.findings < kMostFindings) {
    const auto finding = command.part->check(seed_of(command.seed, counts.executions++), counts);
    if (!finding) continue;
    ++counts.findings;
    write(*finding, command);
  }
  const std::uint64_t failed = counts.findings + report(command, counts, elapsed());
  fmt::print("fuzz_graphs: {} passed, {} failed\n", failed == 0 ? 1 : 0, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace

}  // namespace weft::fuzz

int main(int argc, char** argv) {
  try {
    return weft::fuzz::run(weft::fuzz::parse(argc, argv));
  } catch (const weft::Error& error) {
    fmt::print(stderr, "fuzz_graphs: {}\n", error.what());
    return 2;
  }
}
