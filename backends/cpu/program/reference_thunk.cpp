// A graph of one op.
#include "backends/cpu/program/reference_thunk.h"

#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

class ReferenceThunk final : public Thunk {
 public:
  ReferenceThunk(const ir::Graph& graph, const ir::Op& op) {
    ir::Builder builder("single");
    std::vector<ir::ValueId> operands;
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      operands.push_back(builder.input(fmt::format("in{}", i), graph.type(op.operands[i])));
    builder.set_where(op.location);
    builder.output("out", builder.create(op.code, operands, op.attrs, graph.type(op.results[0])));
    single_ = builder.take();
  }

  void bind(const std::vector<void*>& pointers, void*) override { pointers_ = pointers; }

  void run() override {
    std::vector<reference::Tensor> inputs;
    for (std::size_t i = 0; i < single_.inputs.size(); ++i)
      inputs.push_back(reference::from_bytes(single_.type(single_.inputs[i].value), pointers_[i]));
    reference::to_bytes(reference::run<float>(single_, inputs).front(), pointers_.back());
  }

  std::string kind() const override { return "reference"; }

 private:
  ir::Graph single_;  // inputs: the operands, output: the result
  std::vector<void*> pointers_;
};

}  // namespace

std::unique_ptr<Thunk> make_reference_thunk(const ir::Graph& graph, const ir::Op& op) {
  return std::make_unique<ReferenceThunk>(graph, op);
}

}  // namespace weft::cpu
