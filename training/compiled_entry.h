// A compiled entry of a session: its program, the ports to write before each run, and the tables it reads. Only
// training/session.cpp includes this header.
#pragma once

#include <algorithm>
#include <numeric>

#include "ir/error.h"
#include "training/feed.h"
#include "training/session.h"

namespace weft::training {

// One entry, compiled for one batch size and, if fed, for one size of data set.
struct Session::Compiled {
  Use use;
  std::string entry;
  std::int64_t batch = 0;
  std::int64_t size = 0;                   // of the data set; 0 unless fed
  ir::DType samples_type = ir::DType::u8;  // of the data set
  ir::GraphPtr graph;                      // unbound: tells which outputs grow with the batch
  std::unique_ptr<runtime::Program> program;
  int indices = -1;
  int images = -1;
  int labels = -1;
  int rng = -1;
  std::vector<int> metrics;
  std::vector<std::int32_t> chosen;    // the samples of the next run
  const void* bound_images = nullptr;  // the tables in use
  const void* bound_labels = nullptr;

  void find_ports() {
    indices = find_port(program->inputs(), kIndicesInput);
    images = find_port(program->inputs(), kImagesInput);
    labels = find_port(program->inputs(), kAllLabelsInput);
    for (std::size_t i = 0; i < program->inputs().size(); ++i)
      if (program->inputs()[i].role == ir::Role::rng) rng = static_cast<int>(i);
    for (std::size_t i = 0; i < program->outputs().size(); ++i)
      if (is_metric(program->outputs()[i])) metrics.push_back(static_cast<int>(i));
    if (indices >= 0)
      chosen.resize(static_cast<std::size_t>(program->inputs()[static_cast<std::size_t>(indices)].type.elements()));
  }

  void bind_data(const Dataset& dataset, DeviceData& tables) {
    void* const table = tables.of(dataset.samples);
    void* const classes = labels >= 0 ? tables.of(dataset.labels) : nullptr;
    if (table == bound_images && classes == bound_labels) return;
    check_data(dataset);
    program->bind_input(images, table);
    if (labels >= 0) program->bind_input(labels, classes);
    bound_images = table;
    bound_labels = classes;
  }

  void check_data(const Dataset& dataset) const {
    const runtime::Port& table = program->inputs()[static_cast<std::size_t>(images)];
    if (table.type.bytes() != dataset.samples.bytes.size())
      fail(
          "the model takes samples of {} numbers, but {} holds {}, samples of {} numbers; choose a model for that size",
          table.type.elements() / size, dataset.name, to_string(dataset.samples),
          elements_of_row(dataset.samples.shape));
    if (labels >= 0) need_classes(dataset, graph->name);
    const std::int64_t taken = program->inputs()[static_cast<std::size_t>(indices)].type.elements();
    if (taken != batch) fail("entry @{} takes batches of {}, not {}", graph->name, taken, batch);
  }

  void write_hyper(std::string_view name, float value) {
    const int port = find_port(program->inputs(), name);
    if (port >= 0 && program->inputs()[static_cast<std::size_t>(port)].role == ir::Role::hyper)
      program->write_input(port, &value);
  }

  void choose(std::int64_t begin) {
    std::iota(chosen.begin(), chosen.end(), static_cast<std::int32_t>(begin));
    program->write_input(indices, chosen.data());
  }

  float metric(std::size_t i) const {
    float value = 0;
    program->read_output(metrics[i], &value);
    return value;
  }

 private:
  static int find_port(const std::vector<runtime::Port>& ports, std::string_view name) {
    const auto found = std::ranges::find(ports, name, &runtime::Port::name);
    return found == ports.end() ? -1 : static_cast<int>(found - ports.begin());
  }

  static bool is_metric(const runtime::Port& output) { return output.donates < 0 && output.type == ir::f32({}); }

  static std::int64_t elements_of_row(const std::vector<std::int64_t>& shape) {
    return runtime::element_count(std::span(shape).subspan(1));
  }
};

}  // namespace weft::training
