# pallets.cmake - C from the .pallet declarations: tools/palletgen writes it into gen/ of the build.
#
#   trellis_pallets()    sets GEN_DIR, GEN_TYPES and GEN_PALLETS (the files of the two libraries)
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

function(trellis_pallets)
    set(dir ${CMAKE_BINARY_DIR}/gen)
    set(runtime ${CMAKE_SOURCE_DIR}/runtime/trellis.runtime)
    set(palletgen ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/palletgen)
    file(GLOB generator CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/palletgen/*.py)
    file(GLOB declarations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/pallets/*/*.pallet)
    file(GLOB rules CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/pallets/*/*.c)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${runtime})

    execute_process(COMMAND ${palletgen} ${runtime} --files OUTPUT_VARIABLE files COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCH "^([^\n]*)\n([^\n]*)" unused "${files}")
    list(TRANSFORM CMAKE_MATCH_1 PREPEND ${dir}/ OUTPUT_VARIABLE types)
    list(TRANSFORM CMAKE_MATCH_2 PREPEND ${dir}/ OUTPUT_VARIABLE pallets)

    # The rules are read too: a call that has none is refused as not built.
    add_custom_command(OUTPUT ${types} ${pallets} ${dir}/metadata.hex
        COMMAND ${palletgen} ${runtime} ${dir}
        DEPENDS ${runtime} ${generator} ${declarations} ${rules}
        COMMENT "palletgen" VERBATIM)
    add_custom_target(palletgen DEPENDS ${types} ${pallets} ${dir}/metadata.hex)

    set(GEN_DIR ${dir} PARENT_SCOPE)
    set(GEN_TYPES ${types} PARENT_SCOPE)
    set(GEN_PALLETS ${pallets} PARENT_SCOPE)
    set(PALLET_RULES ${rules} PARENT_SCOPE)
endfunction()
