// The program `weft` from outside: the errors of tests/errors/*.cases, what it dumps and plans, Ctrl-C and --resume.
#include <doctest/doctest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "ir/error.h"
#include "ir/visible.h"
#include "runtime/atomic_file.h"
#include "runtime/safetensors.h"
#include "tests/support/shell_cases.h"
#include "tests/tools/small_data.h"

using namespace weft::test;

namespace fs = std::filesystem;

// --- Errors ----------------------------------------------------------------------------------------------------------

TEST_CASE("each mistake is one clear error, and nothing is half written") {
  const fs::path path = fs::path(WEFT_SOURCE_DIR) / "tests/errors/command_line.cases";
  weft::test::ShellCaseFile file = weft::test::read_shell_cases(path);
  const char* setting = std::getenv("WEFT_BLESS");
  const bool bless = setting != nullptr && std::string(setting) == "1";
  for (ShellCase& each : file.cases) {
    CAPTURE(each.name);
    const TempFolder folder;
    write_data(folder);
    const ShellResult result = run_shell(each.script, folder.path());
    if (bless) {
      each.exit_code = result.exit_code;
      each.errors = result.errors;
      continue;
    }
    CHECK(result.exit_code == each.exit_code);
    CHECK(result.errors == each.errors);
  }
  if (bless) weft::runtime::write_file(path, weft::test::to_text(file));
}

TEST_CASE("shell cases are read as they are written") {
  const TempFolder folder;
  const std::string text = "# why\n== one\nls\necho x >&2\n-- exit 0\nx\n\n== two\nfalse\n-- exit 1\n";
  const auto path = folder.write("a.cases", text);
  const auto file = weft::test::read_shell_cases(path);
  REQUIRE(file.cases.size() == 2);
  CHECK(file.cases[0].script == "ls\necho x >&2\n");
  CHECK(file.cases[0].errors == "x\n");
  CHECK(file.cases[1].exit_code == 1);
  CHECK(weft::test::to_text(file) == text);
  CHECK_ERROR(weft::test::read_shell_cases(folder.write("b.cases", "== one\nls\n== two\n")), "b.cases:3");
}

// --- Text from files -------------------------------------------------------------------------------------------------

namespace {

// No character of it acts on a terminal, nor is there a byte that is no UTF-8.
void check_visible(const std::string& text) {
  CAPTURE(text);
  CHECK(weft::visible_lines(text) == text);
  CHECK(text.find("[json.exception") == std::string::npos);
}

// One error, of one line and of at most some hundred characters.
void check_one_error(const ShellResult& result, const std::string& part) {
  check_visible(result.errors);
  CHECK(result.exit_code == 1);
  CHECK(lines_of(result.errors).size() == 1);
  CHECK(result.errors.starts_with("weft: error: "));
  CHECK(result.errors.size() < 850);
  CHECK_MESSAGE(result.errors.find(part) != std::string::npos, part);
}

constexpr const char* evil = "\x1b]0;title\x07\x1b[31mred\n\xe2\x80\xae \xff";

}  // namespace

TEST_CASE("text from files does not act on the terminal, and is shortened") {
  const TempFolder folder;
  const std::string name = evil, long_name(70'000, 'n');
  // A table: the names of its columns and classes, and cells.
  std::string table =
      "a\x1b[2J,b,gr\xf6\xdf"
      "e\x9b"
      "5m,label\n";
  for (int i = 0; i < 30; ++i)
    table += std::to_string(i) + ",1," + std::to_string(i % 7) + (i % 2 ? ",x\x1b[A\n" : ",y\xe2\x80\xae\n");
  folder.write("table.csv", table);
  const std::string train = "weft train autoencoder --hidden 4 --latent 2 --epochs 1 --batch 4 --backend reference ";
  ShellResult result = run_shell(train + "--data table.csv --out run --json", folder.path());
  CAPTURE(result.errors);
  REQUIRE(result.exit_code == 0);
  check_visible(result.output + result.errors);
  check_visible(weft::runtime::read_file(folder / "run/config.json"));
  check_visible(weft::runtime::read_file(folder / "run/report.html"));
  folder.write("cells.csv", long_name + "\x1b,b\n1,2\n3," + long_name + "\n");
  check_one_error(run_shell(train + "--data cells.csv --out no", folder.path()),
                  "cells.csv: row 3, column 2 (b): 'nnn");
  // Folders and files of such names.
  fs::create_directory(folder / name);
  result =
      run_shell(train + "--data \"$(printf '%b' '\\033]0;title\\007\\033[31mred\\n\\342\\200\\256 \\377')\" --out no",
                folder.path());
  check_one_error(result, R"(\x1b]0;title\x07\x1b[31mred\n\u202e \xff: no data set found)");
  fs::rename(folder / "table.csv", folder / "t\xff.csv");
  result = run_shell(train + "--data t*.csv --out latin --json", folder.path());
  check_one_error(result, "a path or a setting is not UTF-8");
  // Files of a run.
  const std::string config = weft::runtime::read_file(folder / "run/config.json");
  for (const std::string& text : {config.substr(0, config.size() / 2), "{\"" + name + "\":", "[\"" + long_name + "\"",
                                  std::string(200'000, '[')}) {
    folder.write("run/config.json", text);
    check_one_error(run_shell("weft eval run", folder.path()), "run/config.json: not the configuration of a run: ");
  }
  folder.write("run/config.json", config);
  const auto ring = std::string("\x1b[31m") + long_name;
  weft::runtime::write_safetensors(folder / "evil.safetensors", {}, {{"model", ring}, {"settings", ring}});
  check_one_error(run_shell("weft eval evil.safetensors", folder.path()), R"(a checkpoint of model \x1b[31mnnn)");
  // IR.
  folder.write("evil.weft",
               "weft 1\ngraph @\"g\x1b[31m\"(%\"x\xff\": f32[2]) -> (y: f32[2]) {\n  %y = exp %\"x\xff\" : f32[2]\n  "
               "return %y\n}\n");
  result = run_shell("weft opt evil.weft --passes fold --notes", folder.path());
  CHECK(result.exit_code == 0);
  check_visible(result.output + result.errors);
  folder.write("evil.weft",
               "weft 1\ngraph @g(%x: f32[2]) -> (y: f32[2]) {\n  %y = exp %" + long_name + " : f32[2]\n}\n");
  check_one_error(run_shell("weft opt evil.weft", folder.path()), "evil.weft:3:12: %nnn");
}

// --- The compiler ----------------------------------------------------------------------------------------------------

TEST_CASE("a dump is a file that the other commands read") {
  const TempFolder folder;
  REQUIRE(run_shell("weft dump vae --hidden 6 --latent 2 --stage graph > vae.weft", folder.path()).exit_code == 0);
  const ShellResult direct = run_shell("weft dump vae --hidden 6 --latent 2 --stage differentiated", folder.path());
  const ShellResult read = run_shell("weft dump vae.weft --stage differentiated", folder.path());
  CHECK(direct.exit_code == 0);
  CHECK(direct.output == read.output);
  for (const char* stage : {"updated", "fused", "planned"}) {
    CAPTURE(stage);
    const ShellResult dump = run_shell(std::string("weft dump vae.weft --batch 8 --stage ") + stage, folder.path());
    CAPTURE(dump.errors);
    CHECK(dump.exit_code == 0);
    CHECK(dump.output.find("graph @loss(") != std::string::npos);
  }
  const ShellResult encode = run_shell("weft dump vae --entry encode --batch 8 --stage fused", folder.path());
  CHECK(encode.output.find("graph @encode(") != std::string::npos);
  CHECK(encode.output.find("f32[8,784]") != std::string::npos);

  const ShellResult opt =
      run_shell("weft opt vae.weft --passes stabilise,fold,simplify,cse,dce --bind B=3 --check-each", folder.path());
  CAPTURE(opt.errors);
  CHECK(opt.exit_code == 0);
  CHECK(opt.errors.find("@loss: same results") != std::string::npos);
  const ShellResult after = run_shell("weft opt vae.weft --passes dce --print-after dce --timing", folder.path());
  CHECK(after.output.find("// after dce") != std::string::npos);
  CHECK(after.errors.find(" ms") != std::string::npos);
}

TEST_CASE("plan of NT-Xent alone: less than 50 MB beside 65,536 embeddings, where the matrix takes gigabytes") {
  const TempFolder folder;
  const auto arena_bytes = [&](const std::string& flags) {
    const ShellResult plan = run_shell("weft plan nt_xent --dim 128 --json " + flags, folder.path());
    CAPTURE(plan.errors);
    REQUIRE(plan.exit_code == 0);
    return nlohmann::json::parse(plan.output).at("arena_bytes").get<std::int64_t>();
  };
  CHECK(arena_bytes("--batch 8192") < 10'000'000);
  CHECK(arena_bytes("--batch 16384") < 12'000'000);
  CHECK(arena_bytes("--batch 65536") < 50'000'000);
  CHECK(arena_bytes("--batch 2048 --no-contrastive") > 2048 * 2048 * 4);  // its softmax is in place
}

TEST_CASE("plan finds the largest batch that fits") {
  const TempFolder folder;
  const auto largest = [&](const std::string& memory) {
    const ShellResult result =
        run_shell("weft plan vae --hidden 6 --latent 2 --memory " + memory + " | sed 's/.*: \\([0-9]*\\) .*/\\1/'",
                  folder.path());
    return std::atoi(result.output.c_str());
  };
  const int small = largest("2000000"), large = largest("4000000");
  CHECK(small > 10);
  // Params and their state do not grow: twice the memory is more than twice the batch.
  CHECK(large >= 2 * small);
  const ShellResult plan = run_shell("weft plan vae --hidden 6 --latent 2 --batch 16", folder.path());
  CHECK(plan.exit_code == 0);
  CHECK(plan.output.find("lower bound") != std::string::npos);
}

// --- Ctrl-C ----------------------------------------------------------------------------------------------------------

namespace {

pid_t start(std::vector<std::string> words, const fs::path& folder) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (chdir(folder.c_str()) != 0 || !freopen(".output", "w", stdout) || !freopen(".errors", "w", stderr)) _exit(99);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execv(WEFT_PROGRAM, arguments.data());
  _exit(99);
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool wait_for_text(const fs::path& path) {
  for (int tries = 0; tries < 60'000; ++tries) {
    std::error_code missing;
    if (fs::file_size(path, missing) > 0 && !missing) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

TEST_CASE("Ctrl-C leaves a checkpoint, exits 130, and --resume ends bitwise as the run that was not stopped") {
  const TempFolder folder;
  write_data(folder);
  const std::string train = std::string("weft train ") + small_model + "--epochs 60 ";
  std::vector<std::string> words;
  std::istringstream stream(train + "--out stopped");
  for (std::string word; stream >> word;) words.push_back(word);

  const pid_t child = start(words, folder.path());
  REQUIRE(wait_for_text(folder / "stopped/metrics.jsonl"));
  REQUIRE(kill(child, SIGINT) == 0);
  CHECK(wait_for(child) == 130);
  const std::string said = weft::runtime::read_file(folder / ".errors");
  CHECK(said.find("resume with: weft train --resume --out stopped") != std::string::npos);
  CHECK(said.find("stopped/checkpoint.safetensors") != std::string::npos);
  CHECK_FALSE(fs::exists(folder / "stopped/report.html"));

  CHECK(run_shell("weft train --resume --out stopped --threads 1", folder.path()).exit_code == 0);
  REQUIRE(run_shell(train + "--out whole", folder.path()).exit_code == 0);
  CHECK(weft::runtime::read_file(folder / "stopped/checkpoint.safetensors") ==
        weft::runtime::read_file(folder / "whole/checkpoint.safetensors"));
  CHECK(weft::runtime::read_file(folder / "stopped/metrics.jsonl") ==
        weft::runtime::read_file(folder / "whole/metrics.jsonl"));
}

TEST_CASE("kernels are dumped as a file that weft opt reads") {
  const TempFolder folder;
  CHECK(run_shell("weft dump vae --stage kernels > kernels.weft", folder.path()).exit_code == 0);
  CHECK(run_shell("weft opt kernels.weft > again.weft", folder.path()).exit_code == 0);
  CHECK(weft::runtime::read_file(folder / "again.weft") == weft::runtime::read_file(folder / "kernels.weft"));
  CHECK(run_shell("weft opt kernels.weft --passes=dce", folder.path()).exit_code == 2);
}

TEST_CASE("every line of a dump that the tour shows is printed by weft dump") {
  const TempFolder folder;
  std::string dumps;
  for (const char* stage : {"graph", "differentiated", "updated", "fused", "planned", "kernels"})
    dumps += run_shell(std::string("weft dump vae --stage ") + stage, folder.path()).output;
  std::istringstream page(weft::runtime::read_file(fs::path(WEFT_SOURCE_DIR) / "docs/internals/tour.md"));
  int shown = 0;
  bool in_block = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) in_block = !in_block;
    const std::size_t begin = line.find_first_not_of(' ');
    // Long lists are cut with "..." on the page.
    if (!in_block || begin == std::string::npos || line[begin] != '%' || line.find("...") != std::string::npos)
      continue;
    CHECK_MESSAGE(dumps.find(line.substr(begin)) != std::string::npos, line);
    ++shown;
  }
  CHECK(shown > 10);
}
