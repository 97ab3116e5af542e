from flowbot.start import main

main()
