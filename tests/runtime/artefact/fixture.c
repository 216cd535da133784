/* A compiled model made by hand: what tests/runtime/artefact_*_test.cpp test the C behind artefacts with. Built more than
 * once: FIXTURE is the prefix of its functions; FIXTURE_EMBEDDED embeds weights; FIXTURE_PART holds the encoder alone;
 * FIXTURE_CPU asks for a feature that no cpu has; FIXTURE_TABLES is the version of its tables. */
#include "runtime/artefact/tables.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define WEFT_NAME(x) JOIN(FIXTURE, x)

#ifdef FIXTURE_PART
#define IS_PART 1
#else
#define IS_PART 0
#endif
#ifndef FIXTURE_TABLES
#define FIXTURE_TABLES WEFT_TABLES_VERSION
#endif

/* --- Kernels ----------------------------------------------------------------------------------------------------- */

/* sums[i] = bias[0] + sum of x[i,:] . weight[0,:]; chunks are rows. */
static void encode(void* const* buffers, void* scratch, int64_t begin, int64_t end) {
  const float *x = buffers[0], *weight = buffers[1], *bias = buffers[2];
  float* sums = buffers[3];
  (void)scratch;
  for (int64_t row = begin; row < end; ++row) {
    sums[row] = bias[0];
    for (int i = 0; i < 4; ++i) sums[row] += x[row * 4 + i] * weight[i];
  }
}

/* Half a training step that shows what it was given: weight += lr, m += 1; loss = images[0] + low word of the step. */
static void train(void* const* buffers, void* scratch, int64_t begin, int64_t end) {
  const unsigned char* images = buffers[0];
  const int32_t* random = buffers[1];
  const float* lr = buffers[2];
  float *weight = buffers[3], *m = buffers[4], *loss = buffers[5];
  (void)scratch, (void)begin, (void)end;
  for (int i = 0; i < 12; ++i) weight[i] += *lr, m[i] += 1;
  *loss = (float)images[0] + (float)random[2];
}

/* words = what random numbers are made from. */
static void draw(void* const* buffers, void* scratch, int64_t begin, int64_t end) {
  (void)scratch, (void)begin, (void)end;
  for (int i = 0; i < 4; ++i) ((int32_t*)buffers[1])[i] = ((const int32_t*)buffers[0])[i];
}

static const weft_kernel encode_kernel = {.name = "encode", .run = encode, .chunks = 2};
static const weft_kernel encode_one_kernel = {.name = "encode", .run = encode, .chunks = 1};
static const weft_kernel train_kernel = {.name = "train", .run = train, .chunks = 1};
static const weft_kernel draw_kernel = {.name = "draw", .run = draw, .chunks = 1};

/* --- Programs ---------------------------------------------------------------------------------------------------- */

/* In bytes from the begin of a region, each on a border of 64. */
enum { WEIGHT = 0, BIAS = 64, KERNEL = 128, PARAMS = 128 + 4608, COUNT = 0, MOMENT = 64, STATE = 128 };

#define F32(rank_, bytes_, ...) \
  { WEFT_F32, rank_, {__VA_ARGS__}, bytes_ }
#define WEIGHT_TYPE F32(2, 48, 3, 4)
#define BIAS_TYPE F32(1, 12, 3)

static const weft_port encode_inputs[] = {{"x", F32(2, 32, 2, 4), WEFT_DATA, 0},
                                          {"encoder.weight", WEIGHT_TYPE, WEFT_PARAM, WEIGHT},
                                          {"encoder.bias", BIAS_TYPE, WEFT_PARAM, BIAS}};
static const weft_port encode_outputs[] = {{"code", F32(1, 8, 2), WEFT_DATA, 0}};
static const weft_port encode_one_inputs[] = {{"x", F32(2, 16, 1, 4), WEFT_DATA, 0},
                                              {"encoder.weight", WEIGHT_TYPE, WEFT_PARAM, WEIGHT},
                                              {"encoder.bias", BIAS_TYPE, WEFT_PARAM, BIAS}};
static const weft_port encode_one_outputs[] = {{"code", F32(1, 4, 1), WEFT_DATA, 0}};
static const weft_address encode_addresses[] = {
    {WEFT_INPUT, 0, 0}, {WEFT_INPUT, 1, 0}, {WEFT_INPUT, 2, 0}, {WEFT_OUTPUT, 0, 0}};
static const weft_kernel_step encode_what = {.kernel = &encode_kernel};
static const weft_kernel_step encode_one_what = {.kernel = &encode_one_kernel};
static const weft_step encode_steps[] = {{WEFT_STEP_KERNEL, "encode", encode_addresses, 4, 0, 0, &encode_what}};
static const weft_step encode_one_steps[] = {{WEFT_STEP_KERNEL, "encode", encode_addresses, 4, 0, 0, &encode_one_what}};

static const weft_port draw_inputs[] = {{"rng", {WEFT_I32, 1, {4}, 16}, WEFT_RNG, 0}};
static const weft_port draw_outputs[] = {{"words", {WEFT_I32, 1, {4}, 16}, WEFT_DATA, 0}};
static const weft_address draw_addresses[] = {{WEFT_INPUT, 0, 0}, {WEFT_OUTPUT, 0, 0}};
static const weft_kernel_step draw_what = {.kernel = &draw_kernel};
static const weft_step draw_steps[] = {{WEFT_STEP_KERNEL, "draw", draw_addresses, 2, 0, 0, &draw_what}};

static const weft_port train_inputs[] = {{"images", {WEFT_U8, 2, {2, 4}, 8}, WEFT_DATA, 0},
                                         {"rng", {WEFT_I32, 1, {4}, 16}, WEFT_RNG, 0},
                                         {"lr", F32(0, 4, 0), WEFT_HYPER, 1},
                                         {"encoder.weight", WEIGHT_TYPE, WEFT_PARAM, WEIGHT},
                                         {"adam.m.encoder.weight", WEIGHT_TYPE, WEFT_STATE, MOMENT}};
static const weft_port train_outputs[] = {{"loss", F32(0, 4, 0), WEFT_DATA, 0},
                                          {"encoder.weight", WEIGHT_TYPE, WEFT_PARAM, WEIGHT},
                                          {"adam.m.encoder.weight", WEIGHT_TYPE, WEFT_STATE, MOMENT}};
static const weft_address train_addresses[] = {{WEFT_INPUT, 0, 0},  {WEFT_INPUT, 1, 0},  {WEFT_INPUT, 2, 0},
                                               {WEFT_OUTPUT, 1, 0}, {WEFT_OUTPUT, 2, 0}, {WEFT_OUTPUT, 0, 0}};
static const weft_kernel_step train_what = {.kernel = &train_kernel};
static const weft_step train_steps[] = {{WEFT_STEP_KERNEL, "train", train_addresses, 6, 0, 0, &train_what}};

static const weft_program programs[] = {
    {"encode", 2, encode_inputs, 3, encode_outputs, 1, encode_steps, 1, 256, 0, "", 0, 0},
    {"encode", 1, encode_one_inputs, 3, encode_one_outputs, 1, encode_one_steps, 1, 0, 0, "", 0, 0},
    {"draw", 2, draw_inputs, 1, draw_outputs, 1, draw_steps, 1, 0, 0, "", 0, 0},
    {"train_step", 2, train_inputs, 5, train_outputs, 3, train_steps, 1, 1024, 1, "", 0, 0},
};

/* --- The model --------------------------------------------------------------------------------------------------- */

static const weft_tensor tensors[] = {
    {"encoder.weight", WEIGHT_TYPE, WEFT_PARAM, 0, WEIGHT, {0}, WEFT_INIT_UNIFORM, -0.5, 0.25},
    {"encoder.bias", BIAS_TYPE, WEFT_PARAM, 0, BIAS, {0}, WEFT_INIT_CONSTANT, 0.1, 0},
    /* OIhw2i8o4i */
    {"decoder.kernel",
     F32(4, 4608, 16, 8, 3, 3),
     WEFT_PARAM,
     0,
     KERNEL,
     {4, 3, {0, 1, 2, 3}, {1, 0, 1}, {2, 8, 4}},
     WEFT_INIT_NORMAL,
     0.5,
     2},
    {"norm.count", {WEFT_I32, 0, {0}, 4}, WEFT_STATE, 0, COUNT, {0}, WEFT_INIT_CONSTANT, 7, 0},
    {"adam.m.encoder.weight", WEIGHT_TYPE, WEFT_STATE, 1, MOMENT, {0}, WEFT_INIT_NONE, 0, 0},
};

static const weft_hyper hypers[] = {{"beta", 1}, {"lr", 0.5}};

#ifdef FIXTURE_CPU
static const char* const needed_features[] = {"sse3", "no-such-feature", 0};
#else
static const char* const needed_features[] = {0};
#endif

#ifdef FIXTURE_EMBEDDED
static const _Alignas(64) struct {
  float weight[16], bias[16], kernel[1152];
  int32_t count[16];
  float moment[16];
} embedded = {{1, 2, 3, 4}, {0.5}, {0}, {9}, {0}};
#endif

static const weft_artefact the_artefact = {
    .tables_version = FIXTURE_TABLES,
    .weft = "0.1.0",
    .name = TEXT(FIXTURE),
    .model = "hand_made",
    .settings = "hidden=3 name=\"a\\b\"",
    .optimizer = IS_PART ? "" : "adam.m",
    .manifest = "{\"name\": \"" TEXT(FIXTURE) "\"}",
    .hash = UINT64_C(0x0123456789abcdef),
    .cpu = "x86-64-v9",
    .features = needed_features,
    .tensors = tensors,
    .tensor_count = IS_PART ? 2 : 5,
    .params_bytes = PARAMS,
    .state_bytes = STATE,
    .hypers = hypers,
    .hyper_count = 2,
    .programs = programs,
    .program_count = IS_PART ? 2 : 4,
#ifdef FIXTURE_EMBEDDED
    .weights = (const unsigned char*)&embedded,
#endif
};

#include "artefact_runtime.c"
