// Which oneDNN 2.6 convolution is fastest with channels last, which weight layout does it choose, and which keep their
// bits when the number of threads changes? Prints for the convolutions of the speed table and each direction:
// activation layout, algorithm, requested and chosen weight layout, implementation, time, bits.
//
//   g++ -O2 -march=native -std=c++20 -fopenmp convolution.cpp -o /tmp/convolution -ldnnl
//   OMP_WAIT_POLICY=active OMP_PROC_BIND=true /tmp/convolution [FILTER]    only labels containing FILTER
//
// Each line: the shortest of many bursts on one and two threads, GFLOP/s on two, and whether both gave the same bits.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

using dnnl::memory;
using Tag = memory::format_tag;
const dnnl::engine engine(dnnl::engine::kind::cpu, 0);

/// y = x * w in the terms of the forward convolution; a transposed convolution is its "data" direction.
struct Shape {
  std::string label;
  int batch, in, out, size, kernel, stride, padding;
  int out_size() const { return (size + 2 * padding - kernel) / stride + 1; }
  double flops() const { return 2.0 * batch * in * out * out_size() * out_size() * kernel * kernel; }
};

std::vector<Shape> shapes() {
  return {{"auto.conv1", 128, 1, 32, 28, 3, 2, 1},       {"auto.conv2", 128, 32, 64, 14, 3, 2, 1},
          {"auto.deconv1", 128, 32, 64, 14, 3, 2, 1},    {"auto.deconv2", 128, 1, 32, 28, 3, 2, 1},
          {"rotnet.conv1", 128, 3, 32, 32, 3, 1, 1},     {"rotnet.conv2", 128, 32, 64, 16, 3, 1, 1},
          {"rotnet.conv3", 128, 64, 128, 8, 3, 1, 1},    {"rotnet.conv4", 128, 128, 256, 4, 3, 1, 1},
          {"resnet.stem", 256, 3, 64, 32, 3, 1, 1},      {"resnet.layer1", 256, 64, 64, 32, 3, 1, 1},
          {"resnet.layer2s", 256, 64, 128, 32, 3, 2, 1}, {"resnet.skip2", 256, 64, 128, 32, 1, 2, 0},
          {"resnet.layer2", 256, 128, 128, 16, 3, 1, 1}, {"resnet.layer3", 256, 256, 256, 8, 3, 1, 1},
          {"resnet.layer4", 256, 512, 512, 4, 3, 1, 1}};
}

/// Such as "ABcd16b16a": outer dims from slowest to fastest, in capitals if blocked, then the blocks.
std::string tag_of(const memory::desc& desc) {
  const dnnl_memory_desc_t& d = desc.data;
  if (d.format_kind != dnnl_blocked) return "wino-like";
  std::vector<int> order;
  for (int i = 0; i < d.ndims; ++i) order.push_back(i);
  const auto& blocking = d.format_desc.blocking;
  auto blocked = [&](int dim) {
    return std::find(blocking.inner_idxs, blocking.inner_idxs + blocking.inner_nblks, dim) !=
           blocking.inner_idxs + blocking.inner_nblks;
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return blocking.strides[a] > blocking.strides[b]; });
  std::string tag;
  for (int dim : order) tag += char((blocked(dim) ? 'A' : 'a') + dim);
  for (int i = 0; i < blocking.inner_nblks; ++i)
    tag += std::to_string(blocking.inner_blks[i]) + char('a' + blocking.inner_idxs[i]);
  return tag;
}

struct Call {
  dnnl::primitive op;
  std::unordered_map<int, memory> args;
  std::string impl, weights;
  memory result;
};

unsigned random_state = 1;

float next_random() {
  random_state = random_state * 1664525u + 1013904223u;
  return float(random_state >> 8) / float(1 << 24) - 0.5f;
}

memory random_memory(const memory::desc& desc) {
  memory m(desc, engine);
  float* data = static_cast<float*>(m.get_data_handle());
  for (size_t i = 0; i < desc.get_size() / 4; ++i) data[i] = next_random();
  return m;
}

Call make(const Shape& s, char direction, dnnl::algorithm algorithm, Tag activations, Tag weights) {
  const auto f32 = memory::data_type::f32;
  const memory::desc x({s.batch, s.in, s.size, s.size}, f32, activations);
  const memory::desc w({s.out, s.in, s.kernel, s.kernel}, f32, weights);
  const memory::desc y({s.batch, s.out, s.out_size(), s.out_size()}, f32, activations);
  const memory::dims stride{s.stride, s.stride}, padding{s.padding, s.padding};
  memory::dims padding_end;
  for (int i = 0; i < 2; ++i) padding_end.push_back((s.out_size() - 1) * s.stride + s.kernel - s.size - s.padding);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::convolution_forward::primitive_desc forward(
      dnnl::convolution_forward::desc(dnnl::prop_kind::forward_training, algorithm, x, w, y, stride, padding,
                                      padding_end),
      attr, engine);
  Call call;
  const auto finish = [&](const auto& pd, const memory::desc& a, int a_arg, const memory::desc& b, int b_arg,
                          const memory::desc& c, int c_arg, const memory::desc& weight_desc) {
    call.impl = pd.impl_info_str();
    call.weights = tag_of(weight_desc);
    call.result = memory(c, engine);
    call.args = {{a_arg, random_memory(a)},
                 {b_arg, random_memory(b)},
                 {c_arg, call.result},
                 {DNNL_ARG_SCRATCHPAD, memory(pd.scratchpad_desc(), engine)}};
  };
  if (direction == 'f') {
    call.op = dnnl::convolution_forward(forward);
    finish(forward, forward.src_desc(), DNNL_ARG_SRC, forward.weights_desc(), DNNL_ARG_WEIGHTS, forward.dst_desc(),
           DNNL_ARG_DST, forward.weights_desc());
  } else if (direction == 'd') {
    const dnnl::convolution_backward_data::primitive_desc pd(
        dnnl::convolution_backward_data::desc(algorithm, x, w, y, stride, padding, padding_end), attr, engine, forward);
    call.op = dnnl::convolution_backward_data(pd);
    finish(pd, pd.diff_dst_desc(), DNNL_ARG_DIFF_DST, pd.weights_desc(), DNNL_ARG_WEIGHTS, pd.diff_src_desc(),
           DNNL_ARG_DIFF_SRC, pd.weights_desc());
  } else {
    const dnnl::convolution_backward_weights::primitive_desc pd(
        dnnl::convolution_backward_weights::desc(algorithm, x, w, y, stride, padding, padding_end), attr, engine,
        forward);
    call.op = dnnl::convolution_backward_weights(pd);
    finish(pd, pd.src_desc(), DNNL_ARG_SRC, pd.diff_dst_desc(), DNNL_ARG_DIFF_DST, pd.diff_weights_desc(),
           DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc());
  }
  return call;
}

double seconds(Call& call) {
  static dnnl::stream stream(engine);
  double best = 1e9, spent = 0;
  for (int i = 0; i < 30 && (spent < 0.15 || i < 3); ++i) {
    const double start = omp_get_wtime();
    call.op.execute(stream, call.args);
    const double took = omp_get_wtime() - start;
    best = std::min(best, took);
    spent += took;
  }
  return best;
}

void report(const Shape& s, char direction, dnnl::algorithm algorithm, const char* algorithm_name, Tag activations,
            const char* activations_name, Tag weights, const char* weights_name) {
  try {
    std::vector<char> bits[2];
    double time[2];
    std::string impl, chosen;
    for (int threads : {1, 2}) {
      omp_set_num_threads(threads);
      random_state = 1;
      Call call = make(s, direction, algorithm, activations, weights);
      impl = call.impl;
      chosen = call.weights;
      if (impl.starts_with("ref")) {  // takes minutes
        std::printf("%-14s %c %-6s %-6s %-5s %-14s %s\n", s.label.c_str(), direction, activations_name, algorithm_name,
                    weights_name, chosen.c_str(), impl.c_str());
        return;
      }
      time[threads - 1] = seconds(call);
      bits[threads - 1].resize(call.result.get_desc().get_size());
      std::memcpy(bits[threads - 1].data(), call.result.get_data_handle(), bits[threads - 1].size());
    }
    std::printf("%-14s %c %-6s %-6s %-5s %-14s %-24s %8.3f %8.3f ms %6.0f GF/s %s\n", s.label.c_str(), direction,
                activations_name, algorithm_name, weights_name, chosen.c_str(), impl.c_str(), time[0] * 1e3,
                time[1] * 1e3, s.flops() / time[1] * 1e-9, bits[0] == bits[1] ? "same" : "differ");
  } catch (const dnnl::error&) {
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string filter = argc > 1 ? argv[1] : "";
  for (const Shape& s : shapes()) {
    if (s.label.find(filter) == std::string::npos) continue;
    for (const char direction : {'f', 'd', 'w'}) {
      for (const auto& [tag, name] : {std::pair{Tag::nhwc, "nhwc"}, {Tag::any, "any"}, {Tag::nchw, "nchw"}}) {
        report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::any, "any");
        if (tag == Tag::nhwc) {  // not plain oihw: it uses `ref`, 100 times slower
          report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::hwio, "hwio");
          report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::OIhw16i16o, "16i16o");
          report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::OIhw16o16i, "16o16i");
          report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::Ohwi16o, "hwi16o");
          report(s, direction, dnnl::algorithm::convolution_direct, "direct", tag, name, Tag::Ohwi32o, "hwi32o");
        }
        if (tag != Tag::nchw)
          report(s, direction, dnnl::algorithm::convolution_winograd, "wino", tag, name, Tag::any, "any");
      }
    }
  }
}
