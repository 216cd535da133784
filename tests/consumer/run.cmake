# Installs Weft into a scratch folder, builds the consumer project against it and runs its programs:
# cmake -DBUILD=... -DSOURCE=... -DSCRATCH=... -DFLAGS=... -P run.cmake
function(step what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect text)
  string(FIND "${output}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "'${text}' is missing from:\n${output}")
  endif()
endfunction()

# The programs: the example of docs/, and the one in the README.
file(REMOVE_RECURSE ${SCRATCH})
file(COPY ${SOURCE}/docs/examples/my_vae.cpp DESTINATION ${SCRATCH}/sources)
file(READ ${SOURCE}/README.md readme)
string(REGEX MATCH "```cpp\n([^`]*)```" code "${readme}")
file(WRITE ${SCRATCH}/sources/small.cpp "${CMAKE_MATCH_1}")

step("install" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
step("configure" ${CMAKE_COMMAND} -S ${SOURCE}/tests/consumer -B ${SCRATCH}/build -G Ninja
  -DCMAKE_PREFIX_PATH=${SCRATCH}/prefix -DCMAKE_CXX_FLAGS=${FLAGS} -DSOURCES=${SCRATCH}/sources)
step("build" ${CMAKE_COMMAND} --build ${SCRATCH}/build)
step("my_vae models" ${SCRATCH}/build/my_vae models)
expect("my_vae: a VAE with gelu")
expect("autoencoder: ")
step("my_vae dump" ${SCRATCH}/build/my_vae dump --stage graph --latent 3)
expect("%encoder.mu.weight: f32[128,3]")
step("small train" ${CMAKE_COMMAND} -E chdir ${SCRATCH} ${SCRATCH}/build/small train --code 4 --epochs 1)
expect("test: loss")
step("weft --version" ${SCRATCH}/prefix/bin/weft --version)
expect("weft 0.")
message("1 passed, 0 failed")
