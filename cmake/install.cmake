# install.cmake - what `cmake --install BUILD` puts on a machine: programs, pages of the manual, completion.
#
# Pages and scripts are made by the programs themselves, so they speak of the programs that are installed.
include(GNUInstallDirs)

function(trellis_install)
    set(dir ${CMAKE_BINARY_DIR}/man)
    set(pages ${dir}/made/trellis.1)
    add_custom_command(OUTPUT ${dir}/made/trellis.1
        COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}/completion
        COMMAND trellis man --dir ${dir}/made
        COMMAND trellis completion bash > ${dir}/completion/trellis
        COMMAND trellis completion zsh > ${dir}/completion/_trellis
        COMMAND trellis completion fish > ${dir}/completion/trellis.fish
        DEPENDS trellis COMMENT "manual" VERBATIM)
    install(TARGETS trellis RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    foreach(program trellis-node trellis-indexer rmb-relay rmb-peer zos-agent zosctl zos-shim zos-init zos-logs)
        if(NOT TARGET ${program})
            continue()
        endif()
        install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
        if(program MATCHES "^zos-(shim|init|logs)$") # the agent's own, not for people
            continue()
        endif()
        add_custom_command(OUTPUT ${dir}/${program}.1
            COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/manpage.py $<TARGET_FILE:${program}> ${dir}/${program}.1
            DEPENDS ${program} ${CMAKE_SOURCE_DIR}/tools/manpage.py VERBATIM)
        list(APPEND pages ${dir}/${program}.1)
        install(FILES ${dir}/${program}.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
    endforeach()
    if(TARGET zosctl)
        add_custom_command(OUTPUT ${dir}/completion/zosctl COMMAND zosctl completion > ${dir}/completion/zosctl
            DEPENDS zosctl ${dir}/made/trellis.1 VERBATIM)
        list(APPEND pages ${dir}/completion/zosctl)
        install(FILES ${dir}/completion/zosctl DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
        configure_file(${CMAKE_SOURCE_DIR}/zos-agent/zos-agent.service.in ${CMAKE_BINARY_DIR}/zos-agent.service @ONLY)
        install(FILES ${CMAKE_BINARY_DIR}/zos-agent.service DESTINATION lib/systemd/system)
    endif()
    add_custom_target(manual ALL DEPENDS ${pages})
    install(DIRECTORY ${dir}/made/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
    install(DIRECTORY ${dir}/made/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 FILES_MATCHING PATTERN "*.7")
    install(FILES ${dir}/completion/trellis DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${dir}/completion/_trellis DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
    install(FILES ${dir}/completion/trellis.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endfunction()

if(TARGET trellis)
    find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
    trellis_install()
endif()
