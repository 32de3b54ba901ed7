# trellis_library.cmake - how every folder says what it builds.
#
#   trellis_library(state PURE SOURCES trie.c HEADERS trie.h PUBLIC base PRIVATE ...)
#   trellis_program(trellis-node SOURCES main.c PRIVATE node_rpc ...)
#   trellis_test(test_trie SOURCES test_trie.c PRIVATE state)       one process a file
#   trellis_fuzz(fuzz_scale SOURCES fuzz_scale.c PRIVATE base)      corpus: tests/fuzz/corpus/scale
#   trellis_bench(bench_trie SOURCES bench_trie.c PRIVATE state)
#
# A header is on the path only of who links its library, so an include that the table in
# layers.cmake does not allow fails to compile or to configure.

function(trellis_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes
        -Wcast-qual -Wpointer-arith -Wswitch-enum -Wvla -Wmissing-prototypes)
endfunction()

function(trellis_library name)
    cmake_parse_arguments(A "PURE" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
    if(TRELLIS_WASM AND NOT A_PURE)
        return()
    endif()
    add_library(${name} STATIC ${A_SOURCES})
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_CURRENT_SOURCE_DIR} FILES ${A_HEADERS})
    target_link_libraries(${name} PUBLIC ${A_PUBLIC} PRIVATE ${A_PRIVATE})
    if(A_PURE)
        target_compile_options(${name} PRIVATE -ffreestanding)
    endif()
    trellis_warnings(${name})
    set_property(GLOBAL APPEND PROPERTY TRELLIS_LIBRARIES ${name})
    set_property(GLOBAL PROPERTY TRELLIS_LINKS_${name} ${A_PUBLIC} ${A_PRIVATE})
endfunction()

function(trellis_executable name)
    cmake_parse_arguments(A "" "" "SOURCES;PRIVATE" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_PRIVATE})
    trellis_warnings(${name})
endfunction()

function(trellis_program name)
    if(NOT TRELLIS_WASM)
        trellis_executable(${name} ${ARGN})
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    endif()
endfunction()

function(trellis_test name)
    if(TRELLIS_TESTS)
        trellis_executable(${name} ${ARGN})
        target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support)
        target_compile_definitions(${name} PRIVATE TRELLIS_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
            TRELLIS_BINARY_DIR="${CMAKE_BINARY_DIR}")
        add_test(NAME ${name} COMMAND ${name})
    endif()
endfunction()

# A fuzz target is libFuzzer's in the fuzz preset; in the test preset the same file replays its corpus.
function(trellis_fuzz name)
    string(REPLACE "fuzz_" "" corpus ${name})
    if(TRELLIS_FUZZ)
        trellis_executable(${name} ${ARGN})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    elseif(TRELLIS_TESTS)
        trellis_executable(${name} ${ARGN})
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support/replay.c)
        add_test(NAME ${name} COMMAND ${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${corpus})
    endif()
endfunction()

function(trellis_bench name)
    if(NOT TRELLIS_WASM AND NOT TRELLIS_FUZZ)
        trellis_executable(${name} ${ARGN})
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench EXCLUDE_FROM_ALL ON)
        set_property(GLOBAL APPEND PROPERTY TRELLIS_BENCHES ${name})
    endif()
endfunction()
