# `ninja install` and CPack packages.

set(CPACK_PACKAGE_CONTACT "mlc maintainers")
set(CPACK_GENERATOR "TGZ;DEB")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
