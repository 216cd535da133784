// Runs a fuzz target without libFuzzer: every file of a corpus, then random mutations of them, which the seed and their
// number decide.
//
//   fuzz_NAME [--seconds S] [--executions N] [--seed N] FILE-OR-FOLDER...
//
// What ends the program leaves its input in the file NAME.input, and says how to repeat it.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <vector>

#include "runtime/atomic_file.h"
#include "tests/fuzz/input.h"

extern "C" void __sanitizer_set_death_callback(void (*)()) __attribute__((weak));

extern "C" const char* __asan_default_options() { return "max_allocation_size_mb=512:detect_leaks=1"; }

namespace {

namespace fs = std::filesystem;
using Bytes = std::string;

constexpr unsigned longest_seconds = 20;  // one execution
constexpr std::size_t most_bytes = 1 << 16;

// --- What is left of an input that ends the program
// -------------------------------------------------------------------

const Bytes* current = nullptr;
std::string program, kept_name;

void keep_input() {
  if (!current) return;
  std::FILE* file = std::fopen(kept_name.c_str(), "wb");
  if (!file) return;
  std::fwrite(current->data(), 1, current->size(), file);
  std::fclose(file);
  std::fprintf(stderr, "the input is in %s; repeat with: %s %s\n", kept_name.c_str(), program.c_str(),
               kept_name.c_str());
  current = nullptr;
}

void on_signal(int number) {
  if (number == SIGALRM) std::fprintf(stderr, "finding: an execution takes longer than %u s\n", longest_seconds);
  keep_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void watch_for_the_end() {
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback(keep_input);
  else
    std::signal(SIGSEGV, on_signal);
  for (const int number : {SIGABRT, SIGALRM, SIGFPE}) std::signal(number, on_signal);
#ifndef __SANITIZE_ADDRESS__
  constexpr rlim_t most_memory = rlim_t{4} << 30;  // sizes that lie must be refused before memory is made for them
  const rlimit limit{most_memory, most_memory};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
}

// --- Mutations
// ----------------------------------------------------------------------------------------------------------

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes bytes = corpus_[below(corpus_.size())];
    for (std::size_t left = 1 + below(4); left > 0; --left) mutate(bytes);
    if (bytes.size() > most_bytes) bytes.resize(most_bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t count) { return count == 0 ? 0 : static_cast<std::size_t>(random_() % count); }
  // Mostly near the begin, where headers are.
  std::size_t place(const Bytes& bytes) {
    return below(below(4) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 256));
  }

  void mutate(Bytes& bytes) {
    if (bytes.empty()) bytes = "x";
    const std::size_t at = place(bytes), length = std::min(bytes.size() - at, std::size_t{1} << below(8));
    switch (below(10)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << below(8));
        break;
      case 1:
        bytes[at] = static_cast<char>(random_());
        break;
      case 2:
        bytes.resize(below(bytes.size()));
        break;
      case 3:
        write_number(bytes, at);
        break;
      case 4:
        replace_digits(bytes, at);
        break;
      case 5:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 6:
        bytes.erase(at, length);
        break;
      case 7:
        bytes.insert(at, std::string(length, "\0[{(\"\x1b\xff\n A9"[below(11)]));
        break;
      case 8: {
        const Bytes& other = corpus_[below(corpus_.size())];
        bytes = bytes.substr(0, at) + other.substr(below(other.size()));
        break;
      }
      default: {
        const std::size_t from = place(bytes);
        bytes.replace(at, length, bytes.substr(from, length));
      }
    }
  }

  // A number of 1 to 8 bytes, of either order, near a border of its range.
  void write_number(Bytes& bytes, std::size_t at) {
    const std::size_t width = std::size_t{1} << below(4);
    std::uint64_t number = (std::uint64_t{1} << below(64)) + below(3) - 1;
    if (below(4) == 0) number = ~std::uint64_t{0};
    const bool big_endian = below(2) == 0;
    for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
      bytes[at + i] = static_cast<char>(number >> 8 * (big_endian ? width - 1 - i : i));
  }

  // The number in the text after `at`.
  void replace_digits(Bytes& bytes, std::size_t at) {
    static constexpr std::array numbers{"0",
                                        "-1",
                                        "1e999",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "4294967296",
                                        "nan",
                                        "null",
                                        "1.5",
                                        "99999999999999999999",
                                        "\"\"",
                                        "inf",
                                        "1e-45"};
    const std::size_t begin = bytes.find_first_of("0123456789", at);
    if (begin == Bytes::npos) return;
    const std::size_t end = std::min(bytes.find_first_not_of("0123456789", begin), bytes.size());
    bytes.replace(begin, end - begin, numbers[below(numbers.size())]);
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

// --- The program
// --------------------------------------------------------------------------------------------------------

struct Options {
  double seconds = 0;
  std::uint64_t executions = 0;
  std::uint64_t seed = 1;
  std::vector<fs::path> paths;
};

Options options_in(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--seconds")
      options.seconds = std::atof(value), ++i;
    else if (word == "--executions")
      options.executions = std::strtoull(value, nullptr, 10), ++i;
    else if (word == "--seed")
      options.seed = std::strtoull(value, nullptr, 10), ++i;
    else
      options.paths.emplace_back(word);
  }
  return options;
}

std::vector<Bytes> read_corpus(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    if (!fs::is_directory(path)) files.push_back(path);
    if (fs::is_directory(path))
      for (const fs::directory_entry& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const fs::path& file : files) corpus.push_back(weft::runtime::read_file(file));
  return corpus;
}

void execute(const Bytes& bytes) {
  current = &bytes;
  ::alarm(longest_seconds);
  // A copy that ends where the input ends, so that the address sanitizer sees what reads beyond it.
  const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
  ::alarm(0);
  current = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = options_in(argc, argv);
  program = argv[0];
  kept_name = fs::path(program).filename().string() + ".input";
  const std::vector<Bytes> corpus = read_corpus(options.paths);
  if (corpus.empty()) {
    fmt::print(stderr, "{}: name files or folders of a corpus\n", program);
    return 2;
  }
  watch_for_the_end();
  for (const Bytes& bytes : corpus) execute(bytes);
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  Mutator mutator(corpus, options.seed);
  std::uint64_t done = 0;
  for (; done < options.executions || seconds() < options.seconds; ++done) execute(mutator.next());
  fmt::print("{} mutations of {} files in {:.1f} s\n1 passed, 0 failed\n", done, corpus.size(), seconds());
  return 0;
}
