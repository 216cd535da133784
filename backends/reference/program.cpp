// Ports bound to memory for `run<float>`.
#include "backends/reference/program.h"

#include <utility>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "runtime/host_tensor.h"

namespace weft::reference {

namespace {

using runtime::Port;

class ReferenceProgram : public runtime::Program {
 public:
  explicit ReferenceProgram(ir::GraphPtr graph) : graph_(std::move(graph)) {
    const std::vector<std::string> symbols = graph_->symbols();
    if (!symbols.empty()) fail("graph @{} has a free dim {}: bind it to a number", graph_->name, symbols.front());
    add_ports(*graph_);
    for (Port& port : inputs_) {
      port.layout.clear();  // row-major, whatever another backend chooses
      input_memory_.push_back(allocate(port));
    }
    for (const Port& port : outputs_) output_memory_.push_back(donated(port) ? nullptr : allocate(port));
    share_donated();
  }

  void do_bind_input(int index, void* memory) override {
    input_memory_[std::size_t(index)] = memory;
    share_donated();
  }

  void do_run() override {
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < inputs_.size(); ++i) inputs.push_back(from_bytes(inputs_[i].type, input_memory_[i]));
    const std::vector<Tensor> outputs = reference::run<float>(*graph_, inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) to_bytes(outputs[i], output_memory_[i]);
  }

  runtime::MemoryUse memory() const override {
    std::size_t bytes = 0;
    for (const ir::Op& op : graph_->ops)
      for (const ir::ValueId result : op.results) bytes += graph_->type(result).bytes();
    return {bytes, bytes, bytes};
  }

  std::vector<runtime::ItemProfile> do_profile(int) override { return {}; }

 private:
  static bool donated(const Port& output) { return output.donates >= 0; }

  void* allocate(const Port& port) {
    storage_.emplace_back(port.type.bytes());
    return storage_.back().data();
  }

  void share_donated() {
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (donated(outputs_[i])) output_memory_[i] = input_memory_[std::size_t(outputs_[i].donates)];
  }

  ir::GraphPtr graph_;
  std::vector<runtime::AlignedBytes> storage_;
};

}  // namespace

std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph) {
  return std::make_unique<ReferenceProgram>(std::move(graph));
}

}  // namespace weft::reference
