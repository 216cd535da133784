// The tables of one program as C, common to all backends.
#pragma once

#include <string>
#include <vector>

#include "backends/aot/artefact.h"
#include "backends/aot/c_text.h"

namespace weft::aot {

// Definitions whose names begin with `prefix`: everything that the steps point to, PREFIXsteps, PREFIXinputs and
// PREFIXoutputs.
class ProgramText {
 public:
  ProgramText(const Artefact& artefact, const ir::Graph& graph, std::string prefix)
      : artefact_(artefact), graph_(graph), prefix_(std::move(prefix)) {}
  // The whole text, after all steps were added.
  std::string finish();

 protected:
  const std::string& prefix() const { return prefix_; }
  void add(const std::string& text) { text_ += text; }
  // The name of a part of the current step, and the struct of its kind.
  std::string name(const std::string& part) const;
  void what(const std::string& type, const std::string& value);

  // A step of either backend: its kind is WEFT_STEP_kind, and `what` has defined its struct.
  template <typename Step>
  void add_step(const std::string& kind, const Step& step) {
    std::vector<std::string> addresses;
    for (const auto& each : step.addresses) {
      constexpr const char* kBases[] = {"WEFT_INPUT", "WEFT_OUTPUT", "WEFT_ARENA"};
      addresses.push_back(fmt::format("{{{}, {}, {}}}", kBases[std::size_t(each.base)], each.index, each.offset));
    }
    add(fmt::format("static const weft_address {}[] = {};\n", name("at"), braces(addresses)));
    steps_.push_back(fmt::format("{{WEFT_STEP_{}, {}, {}, {}, {}, {}, &{}}}", kind, c_string(step.name), name("at"),
                                 addresses.size(), step.scratch_offset, step.scratch_bytes, name("what")));
  }
  // `gaps` of either backend's fill step.
  template <typename Gaps>
  void fill(const Gaps& gaps) {
    std::vector<std::string> texts;
    for (const auto& gap : gaps) texts.push_back(fmt::format("{{{}, {}}}", gap.offset, gap.bytes));
    add(fmt::format("static const weft_gap {}[] = {};\n", name("gaps"), braces(texts)));
    what("weft_fill_step", fmt::format("{{{}, {}}}", name("gaps"), texts.size()));
  }

 private:
  void add_list(const std::string& type, const std::string& part, const std::vector<std::string>& rows);
  void add_ports();
  std::string port_text(const std::string& port, const ir::Input& input) const;

  const Artefact& artefact_;
  const ir::Graph& graph_;
  std::string prefix_, text_;
  std::vector<std::string> steps_;
};

// The value of a weft_convolution_step: the fields that both backends share.
std::string convolution_text(const ir::ConvolutionShape& shape, const std::string& weights_layout, bool bias,
                             const std::string& activation, bool winograd);

std::string program_text(const Artefact& artefact, const CpuProgram& program, const std::string& prefix);
// The machine code is in files FOLDER/PREFIXsm_90.
std::string program_text(const Artefact& artefact, const CudaProgram& program, const std::string& prefix,
                         const std::string& folder);

}  // namespace weft::aot
