# wasm32.cmake - the toolchain of the wasm preset: freestanding C, nothing linked but our own.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
find_program(TRELLIS_CLANG NAMES clang clang-14 REQUIRED)
find_program(TRELLIS_LLVM_AR NAMES llvm-ar llvm-ar-14 REQUIRED)         # the system's ar has no index for wasm
find_program(TRELLIS_LLVM_RANLIB NAMES llvm-ranlib llvm-ranlib-14 REQUIRED)
set(CMAKE_C_COMPILER ${TRELLIS_CLANG})
set(CMAKE_AR ${TRELLIS_LLVM_AR})
set(CMAKE_RANLIB ${TRELLIS_LLVM_RANLIB})
set(CMAKE_C_COMPILER_TARGET wasm32)
set(CMAKE_C_FLAGS_INIT "-ffreestanding -fno-builtin -nostdlib")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
