from modrobust.run import main

main()
